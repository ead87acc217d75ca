/** The heart's last minute, drawn over the breath that was asked for. */

import { html, type PropertyValues, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import type { Feed } from "../feed.ts";
import { Part } from "../part.ts";
import { HeartWave } from "./heart-wave.ts";

const SPAN = { pastMs: 60_000, aheadMs: 6_000 };
const LOOK_EVERY_MS = 1_000;
const SUMMARY_EVERY_MS = 15_000;

export class TracePart extends Part {
  static override properties = { feed: { attribute: false }, words: { state: true }, empty: { state: true } };
  declare feed: Feed;
  declare words: string;
  declare empty: boolean;
  #wave: HeartWave | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #saidMs = -Infinity;

  constructor() {
    super();
    this.words = copy.practice.traceNone;
    this.empty = true;
  }

  protected override firstUpdated(_: PropertyValues): void {
    const canvas = this.querySelector("canvas");
    if (!canvas) return;
    this.#wave = new HeartWave(
      canvas,
      () => this.feed,
      () => SPAN,
    );
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
    this.#wave?.end();
  }

  #look(): void {
    const nowMs = this.feed.nowMs();
    if (nowMs === null) return;
    const rates = this.feed.beats.since(nowMs - SPAN.pastMs).map((beat) => beat.hr_bpm);
    this.empty = rates.length === 0;
    const localMs = performance.now();
    if (localMs - this.#saidMs < SUMMARY_EVERY_MS) return;
    this.#saidMs = localMs;
    this.words =
      rates.length < 10
        ? copy.practice.traceNone
        : copy.practice.traceWords(Math.round(Math.min(...rates)), Math.round(Math.max(...rates)));
  }

  protected override render(): TemplateResult {
    const c = copy.practice;
    return html`
      <figure class="trace">
        <canvas aria-hidden="true" data-testid="trace"></canvas>
        <figcaption>
          <span>${this.empty ? c.traceEmpty : c.trace}</span>
          <span class="keys" aria-hidden="true"
            ><span class="key-heart">${c.heartKey}</span><span class="key-breath">${c.breathKey}</span></span
          >
          <span class="sr-only" data-testid="trace-words">${this.words}</span>
        </figcaption>
      </figure>
    `;
  }
}
customElements.define("bf-trace", TracePart);
