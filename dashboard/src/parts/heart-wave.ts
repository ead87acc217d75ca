/**
 * The heart drawn over the breath that was asked for, straight from the ring buffer to
 * a canvas. It scrolls; with less motion asked for it sweeps, so that nothing which is
 * drawn moves.
 */

import type { Feed } from "../feed.ts";
import { frames, stillness, whenResized } from "../motion.ts";
import { stateAt } from "../pacer.ts";
import { heartRange, type TraceBeat } from "../ring.ts";

const STEP_PX = 3;
const INSET_PX = 8;

type Point = readonly [number, number];

export interface Span {
  readonly pastMs: number;
  /** The breath that comes next is shown ahead of the heart. */
  readonly aheadMs: number;
}

interface Colours {
  readonly heart: string;
  readonly breath: string;
  readonly mark: string;
}

export class HeartWave {
  readonly #canvas: HTMLCanvasElement;
  readonly #feed: () => Feed;
  readonly #span: () => Span;
  /** Whether the beats become one soft line, instead of a corner for each. */
  readonly #soft: boolean;
  /** Whether a breath was asked for at an instant. */
  readonly #paced: (tMs: number) => boolean;
  #size = { width: 0, height: 0, ratio: 1 };
  #colours: Colours = { heart: "", breath: "", mark: "" };
  #range: [number, number] | null = null;
  #end: (() => void)[] = [];

  constructor(canvas: HTMLCanvasElement, feed: () => Feed, span: () => Span, { soft = false, paced = (_tMs: number): boolean => true } = {}) {
    this.#canvas = canvas;
    this.#feed = feed;
    this.#span = span;
    this.#soft = soft;
    this.#paced = paced;
    this.#end = [
      whenResized(canvas, () => this.#measure()),
      frames(
        () => this.#draw(),
        () => (stillness() ? 2 : 15),
      ),
    ];
  }

  /** The heart rates at its foot and its top, or null while nothing is drawn. */
  get range(): readonly [number, number] | null {
    return this.#range;
  }

  end(): void {
    for (const end of this.#end.splice(0)) end();
  }

  #measure(): void {
    const canvas = this.#canvas;
    const ratio = Math.min(devicePixelRatio, 2);
    const { width, height } = canvas.getBoundingClientRect();
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    this.#size = { width, height, ratio };
    const style = getComputedStyle(canvas);
    const token = (name: string): string => style.getPropertyValue(name).trim();
    this.#colours = {
      heart: token("--heart"),
      breath: token("--breath-area"),
      mark: token("--ink-quiet"),
    };
  }

  #draw(): void {
    const nowMs = this.#feed().nowMs();
    const pen = this.#canvas.getContext("2d");
    if (nowMs === null || !pen) return;
    const { width, height, ratio } = this.#size;
    const { pastMs, aheadMs } = this.#span();
    const spanMs = pastMs + aheadMs;
    const sweep = stillness();
    // The instant shown at the left edge when scrolling; when sweeping, each instant
    // has its fixed place.
    const left = sweep ? 0 : nowMs - pastMs;
    const x = (tMs: number): number => ((sweep ? tMs % spanMs : tMs - left) / spanMs) * width;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    this.#breath(pen, nowMs, left, sweep);
    this.#marks(pen, nowMs, x);
    this.#heart(pen, nowMs, x, sweep);
  }

  #breath(pen: CanvasRenderingContext2D, nowMs: number, left: number, sweep: boolean): void {
    const { width, height } = this.#size;
    const { pastMs, aheadMs } = this.#span();
    const spanMs = pastMs + aheadMs;
    const { schedule } = this.#feed();
    pen.fillStyle = this.#colours.breath;
    pen.beginPath();
    pen.moveTo(0, height);
    const beginsMs = schedule[0]?.origin_ms ?? 0;
    for (let px = 0; px <= width + STEP_PX; px += STEP_PX) {
      let tMs = left + (px / width) * spanMs;
      if (sweep) {
        tMs += Math.floor((nowMs + aheadMs) / spanMs) * spanMs;
        if (tMs > nowMs + aheadMs) tMs -= spanMs;
      }
      const fullness = tMs < beginsMs || !this.#paced(tMs) ? 0 : (stateAt(schedule, tMs)?.fullness ?? 0);
      pen.lineTo(px, height - 1 - fullness * height * 0.82);
    }
    pen.lineTo(width, height);
    pen.fill();
  }

  #marks(pen: CanvasRenderingContext2D, nowMs: number, x: (tMs: number) => number): void {
    pen.fillStyle = this.#colours.mark;
    const fromMs = nowMs - this.#span().pastMs;
    for (const entry of this.#feed().entries) {
      if (entry.moment !== "during" || entry.t_ms < fromMs || entry.t_ms > nowMs) continue;
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
    const beats = this.#feed().beats.since(nowMs - this.#span().pastMs);
    const wanted = heartRange(beats);
    if (!wanted) return;
    const last = this.#range ?? [...wanted];
    const pull = sweep ? 1 : 0.06; // the scale glides, it does not snap
    const range: [number, number] = [
      last[0] + (wanted[0] - last[0]) * pull,
      last[1] + (wanted[1] - last[1]) * pull,
    ];
    this.#range = range;
    const y = (hr: number): number =>
      height - INSET_PX - ((hr - range[0]) / (range[1] - range[0])) * (height - 2 * INSET_PX);
    pen.strokeStyle = this.#colours.heart;
    pen.fillStyle = this.#colours.heart;
    pen.lineWidth = this.#soft ? 3 : 2.25;
    pen.lineJoin = "round";
    pen.lineCap = "round";
    pen.beginPath();
    this.#line(pen, beats, x, y);
    pen.stroke();
    const tip = beats.at(-1);
    if (!tip) return;
    pen.beginPath();
    pen.arc(x(tip.t_ms), y(tip.hr_bpm), 4.5, 0, 2 * Math.PI);
    pen.fill();
  }

  #line(
    pen: CanvasRenderingContext2D,
    beats: readonly TraceBeat[],
    x: (tMs: number) => number,
    y: (hr: number) => number,
  ): void {
    let run: Point[] = [];
    for (const beat of beats) {
      const point: Point = [x(beat.t_ms), y(beat.hr_bpm)];
      const last = run.at(-1);
      if (!beat.joined || (last && point[0] <= last[0])) {
        this.#run(pen, run);
        run = [];
      }
      run.push(point);
    }
    this.#run(pen, run);
  }

  /** A line through beats that follow one another; none is drawn across a gap. */
  #run(pen: CanvasRenderingContext2D, run: readonly Point[]): void {
    run.forEach((to, i) => {
      const from = run[i - 1];
      if (!from) pen.moveTo(...to);
      else if (!this.#soft) pen.lineTo(...to);
      else {
        // Catmull-Rom: soft, and yet through every beat.
        const before = run[i - 2] ?? from;
        const after = run[i + 1] ?? to;
        pen.bezierCurveTo(
          from[0] + (to[0] - before[0]) / 6,
          from[1] + (to[1] - before[1]) / 6,
          to[0] - (after[0] - from[0]) / 6,
          to[1] - (after[1] - from[1]) / 6,
          ...to,
        );
      }
    });
    const [only] = run;
    if (only && run.length === 1) pen.lineTo(only[0] + 0.1, only[1]); // a beat on its own
  }
}
