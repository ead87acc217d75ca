/** The one signal: the heart's wave answering the breath, in one shape and one sentence. */

import { html, type PropertyValues, type TemplateResult } from "lit";
import { api } from "../api.ts";
import { answerOf } from "../answer.ts";
import { copy } from "../copy.ts";
import type { Feed } from "../feed.ts";
import { active, periodMs } from "../pacer.ts";
import { Part } from "../part.ts";
import type { Usual } from "../protocol.ts";
import { Settled } from "../settled.ts";
import { HeartWave } from "./heart-wave.ts";

/** The last breaths that are seen, and how much of the one that comes. */
const BREATHS = 2.5;
const AHEAD = 0.25;
const LOOK_EVERY_MS = 1_000;
const SILENT_AFTER_MS = 5000;
/** A sentence changes once what it says has lasted this long. */
const LASTS_MS = 10_000;

export class AnsweringPart extends Part {
  static override properties = {
    feed: { attribute: false },
    covered: { attribute: false },
    words: { state: true },
    answer: { state: true },
  };
  declare feed: Feed;
  /** Whether what moves is hidden; the sentence stays. */
  declare covered: boolean;
  declare words: string;
  declare answer: string;
  #wave: HeartWave | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #usual: Usual | null = null;
  #settled = new Settled<string>(LASTS_MS);

  constructor() {
    super();
    this.covered = false;
    this.words = copy.answering.listening;
    this.answer = "listening";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    // Without it the sentence speaks of the shape alone.
    void api.usual(this.feed.session.simulated).then(
      (usual) => (this.#usual = usual),
      () => undefined,
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
    this.#wave?.end();
    this.#wave = undefined;
  }

  protected override updated(_: PropertyValues): void {
    const canvas = this.querySelector("canvas");
    if (canvas && !this.#wave) {
      this.#wave = new HeartWave(
        canvas,
        () => this.feed,
        () => this.#span(),
        { soft: true },
      );
    } else if (!canvas) {
      this.#wave?.end();
      this.#wave = undefined;
    }
  }

  #span(): { pastMs: number; aheadMs: number } {
    const part = active(this.feed.schedule, this.feed.nowMs() ?? 0);
    const period = part ? periodMs(part) : 10_000;
    return { pastMs: BREATHS * period, aheadMs: AHEAD * period };
  }

  #look(): void {
    const { feed } = this;
    const nowMs = feed.nowMs();
    const startedMs = feed.phase?.startedMs;
    if (nowMs === null || startedMs === undefined) return;
    const { link, metrics } = feed;
    const answer = answerOf({ link, metrics, forMs: nowMs - startedMs, usual: this.#usual });
    const soon = answer === "away" || this.answer === "away" || this.answer === "listening";
    this.answer = this.#settled.show(answer, performance.now(), soon);
    // What was is not what is: of a heart that is not told any more nothing is said.
    const silent = !feed.connected && performance.now() - feed.heardMs > SILENT_AFTER_MS;
    this.words = silent ? "" : (copy.answering[this.answer as keyof typeof copy.answering] as string);
  }

  protected override render(): TemplateResult {
    return html`
      <figure class="answering" data-testid="answering" data-answer=${this.answer}>
        ${this.covered ? "" : html`<canvas aria-hidden="true" data-testid="trace"></canvas>`}
        <figcaption>${this.words}</figcaption>
      </figure>
    `;
  }
}
customElements.define("bf-answering", AnsweringPart);
