/**
 * The heart's last minute, drawn over the breath that was asked for. Straight from
 * the ring buffer to the canvas. It scrolls; with less motion asked for it sweeps, so
 * that nothing which is drawn moves.
 */

import { html, type PropertyValues, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import type { Feed } from "../feed.ts";
import { frames, stillness } from "../motion.ts";
import { stateAt } from "../pacer.ts";
import { Part } from "../part.ts";
import { heartRange } from "../ring.ts";

const PAST_MS = 60_000;
/** The breath that comes next is shown ahead of the heart. */
const AHEAD_MS = 6_000;
const SPAN_MS = PAST_MS + AHEAD_MS;
const STEP_PX = 3;
const SUMMARY_EVERY_MS = 15_000;

interface Colours {
  readonly heart: string;
  readonly breath: string;
  readonly mark: string;
}

export class TracePart extends Part {
  static override properties = { feed: { attribute: false }, words: { state: true }, empty: { state: true } };
  declare feed: Feed;
  declare words: string;
  declare empty: boolean;
  #canvas: HTMLCanvasElement | null = null;
  #size = { width: 0, height: 0, ratio: 1 };
  #colours: Colours = { heart: "", breath: "", mark: "" };
  #range: [number, number] | null = null;
  #saidMs = -Infinity;
  #end: (() => void)[] = [];

  constructor() {
    super();
    this.words = copy.practice.traceNone;
    this.empty = true;
  }

  protected override firstUpdated(_: PropertyValues): void {
    const canvas = this.querySelector("canvas");
    if (!canvas) return;
    this.#canvas = canvas;
    const observer = new ResizeObserver(() => this.#measure());
    observer.observe(canvas);
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    const repaint = (): void => this.#measure();
    scheme.addEventListener("change", repaint);
    this.#measure();
    this.#end = [
      () => observer.disconnect(),
      () => scheme.removeEventListener("change", repaint),
      frames((nowMs) => this.#draw(nowMs), () => (stillness() ? 2 : 15)),
    ];
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const end of this.#end.splice(0)) end();
  }

  #measure(): void {
    const canvas = this.#canvas;
    if (!canvas) return;
    const ratio = Math.min(devicePixelRatio, 2);
    const { width, height } = canvas.getBoundingClientRect();
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    this.#size = { width, height, ratio };
    const style = getComputedStyle(this);
    const token = (name: string): string => style.getPropertyValue(name).trim();
    this.#colours = {
      heart: token("--heart"),
      breath: token("--breath-area"),
      mark: token("--ink-quiet"),
    };
  }

  #draw(localMs: number): void {
    const nowMs = this.feed.nowMs();
    const pen = this.#canvas?.getContext("2d");
    if (nowMs === null || !pen) return;
    const { width, height, ratio } = this.#size;
    const sweep = stillness();
    // The instant shown at the left edge when scrolling; when sweeping, each instant
    // has its fixed place.
    const left = sweep ? 0 : nowMs - PAST_MS;
    const x = (tMs: number): number => ((sweep ? tMs % SPAN_MS : tMs - left) / SPAN_MS) * width;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    this.#breath(pen, nowMs, left, sweep);
    this.#marks(pen, nowMs, x);
    this.#heart(pen, nowMs, x, sweep);
    if (localMs - this.#saidMs > SUMMARY_EVERY_MS) {
      this.#saidMs = localMs;
      this.#summarise(nowMs);
    }
  }

  #breath(pen: CanvasRenderingContext2D, nowMs: number, left: number, sweep: boolean): void {
    const { width, height } = this.#size;
    const { schedule } = this.feed;
    pen.fillStyle = this.#colours.breath;
    pen.beginPath();
    pen.moveTo(0, height);
    for (let px = 0; px <= width + STEP_PX; px += STEP_PX) {
      let tMs = left + (px / width) * SPAN_MS;
      if (sweep) {
        tMs += Math.floor((nowMs + AHEAD_MS) / SPAN_MS) * SPAN_MS;
        if (tMs > nowMs + AHEAD_MS) tMs -= SPAN_MS;
      }
      const fullness = tMs < 0 ? 0 : (stateAt(schedule, tMs)?.fullness ?? 0);
      pen.lineTo(px, height - 1 - fullness * height * 0.82);
    }
    pen.lineTo(width, height);
    pen.fill();
  }

  #marks(pen: CanvasRenderingContext2D, nowMs: number, x: (tMs: number) => number): void {
    pen.fillStyle = this.#colours.mark;
    for (const entry of this.feed.entries) {
      if (entry.moment !== "during" || entry.t_ms < nowMs - PAST_MS || entry.t_ms > nowMs) continue;
      pen.fillRect(Math.round(x(entry.t_ms)), 0, 1.5, 10);
    }
  }

  #heart(
    pen: CanvasRenderingContext2D,
    nowMs: number,
    x: (tMs: number) => number,
    sweep: boolean,
  ): void {
    const { height } = this.#size;
    const beats = this.feed.beats.since(nowMs - PAST_MS);
    this.empty = beats.length === 0;
    const wanted = heartRange(beats);
    if (!wanted) return;
    const last = this.#range ?? [...wanted];
    const pull = sweep ? 1 : 0.06; // the scale glides, it does not snap
    const range: [number, number] = [
      last[0] + (wanted[0] - last[0]) * pull,
      last[1] + (wanted[1] - last[1]) * pull,
    ];
    this.#range = range;
    const inset = 8;
    const y = (hr: number): number =>
      height - inset - ((hr - range[0]) / (range[1] - range[0])) * (height - 2 * inset);
    pen.strokeStyle = this.#colours.heart;
    pen.fillStyle = this.#colours.heart;
    pen.lineWidth = 2.25;
    pen.lineJoin = "round";
    pen.lineCap = "round";
    pen.beginPath();
    let before = -Infinity;
    let tip: readonly [number, number] | null = null;
    beats.forEach((beat, i) => {
      const px = x(beat.t_ms);
      const py = y(beat.hr_bpm);
      const joined = beat.joined && px > before;
      if (joined) pen.lineTo(px, py);
      else pen.moveTo(px, py);
      if (!joined && !beats[i + 1]?.joined) pen.lineTo(px + 0.1, py); // a beat on its own
      before = px;
      tip = [px, py];
    });
    pen.stroke();
    if (tip) {
      pen.beginPath();
      pen.arc(tip[0], tip[1], 4.5, 0, 2 * Math.PI);
      pen.fill();
    }
  }

  #summarise(nowMs: number): void {
    const rates = this.feed.beats.since(nowMs - PAST_MS).map((beat) => beat.hr_bpm);
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
