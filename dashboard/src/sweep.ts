/**
 * A curve that sweeps, as on a bedside monitor: every instant has its fixed place, a
 * bar wipes what is a round old, and only what is new is drawn. So thirty of them cost
 * little, and nothing that is drawn ever moves.
 */

import { frames, stillness, whenResized } from "./motion.ts";
import { type BeatRing, heartRange, type TraceBeat } from "./ring.ts";
import { BAR_PX, joins, type Range, type Stage, wiped, xAt, yAt } from "./sweep-geometry.ts";

/** Whatever a sweep is drawn of. */
export interface Swept {
  readonly beats: BeatRing;
  readonly nBeats: number;
  readonly nJudged: number;
  nowMs(localMs: number): number | null;
}

export class Sweep {
  readonly canvas: HTMLCanvasElement;
  readonly of: Swept;
  readonly #spanMs: number;
  readonly #end: () => void;
  #stage: Stage;
  #ratio = 1;
  #colours = { heart: "", bar: "" };
  #range: Range | null = null;
  #drawnMs: number | null = null;
  #tip: TraceBeat | undefined;
  #nBeats = -1;
  #nJudged = -1;
  #whole = true;

  constructor(canvas: HTMLCanvasElement, of: Swept, spanMs: number) {
    this.canvas = canvas;
    this.of = of;
    this.#spanMs = spanMs;
    this.#stage = { widthPx: 0, heightPx: 0, spanMs };
    this.#end = whenResized(canvas, () => this.#measure());
  }

  end(): void {
    this.#end();
  }

  /** The heart rates at its foot and its top, or null while nothing is drawn. */
  get range(): Range | null {
    return this.#range;
  }

  #measure(): void {
    const { canvas } = this;
    const { width, height } = canvas.getBoundingClientRect();
    this.#ratio = Math.min(devicePixelRatio, 2);
    canvas.width = Math.round(width * this.#ratio);
    canvas.height = Math.round(height * this.#ratio);
    this.#stage = { widthPx: width, heightPx: height, spanMs: this.#spanMs };
    const style = getComputedStyle(canvas);
    this.#colours = {
      heart: style.getPropertyValue("--heart").trim(),
      bar: style.getPropertyValue("--edge").trim(),
    };
    this.#whole = true;
  }

  draw(localMs: number): void {
    const { of } = this;
    const nowMs = of.nowMs(localMs);
    const pen = this.canvas.getContext("2d");
    const { widthPx } = this.#stage;
    if (nowMs === null || !pen || widthPx === 0) return;
    const came = of.nBeats !== this.#nBeats;
    const moved = this.#drawnMs === null || Math.floor(xAt(nowMs, this.#stage)) !== Math.floor(xAt(this.#drawnMs, this.#stage));
    const judged = of.nJudged !== this.#nJudged;
    if (!came && !moved && !judged && !this.#whole) return;
    pen.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    const round = (tMs: number): number => Math.floor(tMs / this.#spanMs);
    const begun = this.#drawnMs === null || round(nowMs) !== round(this.#drawnMs);
    const late = this.#drawnMs !== null && (nowMs < this.#drawnMs || nowMs - this.#drawnMs > this.#spanMs / 2);
    if (this.#whole || judged || late || (came && !this.#fits(nowMs)) || (begun && this.#rescale(nowMs))) {
      this.#all(pen, nowMs);
    } else {
      for (const [x, width] of wiped(this.#drawnMs ?? nowMs, nowMs, this.#stage)) {
        pen.clearRect(x - 1, 0, width + 1, this.#stage.heightPx);
      }
      if (came) this.#line(pen, of.beats.since(this.#tip?.t_ms ?? nowMs - this.#lastsMs), this.#tip);
    }
    this.#head(pen, nowMs);
    this.#drawnMs = nowMs;
    this.#nBeats = of.nBeats;
    this.#nJudged = of.nJudged;
  }

  /** As much of the past as the bar leaves to see. */
  get #lastsMs(): number {
    return this.#spanMs * (1 - (BAR_PX + 2) / this.#stage.widthPx);
  }

  #past(nowMs: number): readonly TraceBeat[] {
    return this.of.beats.since(nowMs - this.#lastsMs);
  }

  #fits(nowMs: number): boolean {
    const range = this.#range;
    const since = this.#tip?.t_ms ?? nowMs - this.#lastsMs;
    return range !== null && this.of.beats.since(since).every((b) => b.hr_bpm >= range[0] && b.hr_bpm <= range[1]);
  }

  /** Once a round the scale may become narrower again. */
  #rescale(nowMs: number): boolean {
    const wanted = heartRange(this.#past(nowMs));
    return wanted?.[0] !== this.#range?.[0] || wanted?.[1] !== this.#range?.[1];
  }

  #all(pen: CanvasRenderingContext2D, nowMs: number): void {
    const beats = this.#past(nowMs);
    pen.clearRect(0, 0, this.#stage.widthPx, this.#stage.heightPx);
    this.#range = heartRange(beats);
    this.#tip = undefined;
    this.#line(pen, beats, undefined);
    this.#whole = false;
  }

  #line(pen: CanvasRenderingContext2D, beats: readonly TraceBeat[], tip: TraceBeat | undefined): void {
    const range = this.#range;
    if (!range) return;
    const stage = this.#stage;
    pen.strokeStyle = this.#colours.heart;
    pen.lineWidth = 1.75;
    pen.lineJoin = pen.lineCap = "round";
    pen.beginPath();
    let from = tip;
    for (const beat of beats) {
      const [x, y] = [xAt(beat.t_ms, stage), yAt(beat.hr_bpm, range, stage)];
      // The tip itself comes again, since the line goes on from it.
      if (from && beat.t_ms <= from.t_ms) continue;
      if (joins(from, beat, stage) && from) {
        pen.moveTo(xAt(from.t_ms, stage), yAt(from.hr_bpm, range, stage));
        pen.lineTo(x, y);
      } else {
        pen.moveTo(x, y);
        pen.lineTo(x + 0.1, y);
      }
      from = beat;
    }
    pen.stroke();
    this.#tip = from;
  }

  #head(pen: CanvasRenderingContext2D, nowMs: number): void {
    pen.fillStyle = this.#colours.bar;
    pen.fillRect(Math.floor(xAt(nowMs, this.#stage)) + 1, 0, 1, this.#stage.heightPx);
  }
}

/** Draws all sweeps of a page in one frame, at most twenty times a second. */
/** Where something is to be swept, and how long a round takes. */
export interface Place {
  readonly canvas: HTMLCanvasElement;
  readonly of: Swept;
  readonly spanMs: number;
}

export class Sweeps {
  readonly #of = new Map<string, Sweep>();
  #end: (() => void) | null = null;

  begin(): void {
    this.#end ??= frames(
      (localMs) => {
        // A page that nobody sees draws nothing, and all of it once it is seen again.
        if (document.visibilityState === "visible") for (const sweep of this.#of.values()) sweep.draw(localMs);
      },
      () => (stillness() ? 2 : 20),
    );
  }

  end(): void {
    this.#end?.();
    this.#end = null;
    this.keep(new Map());
  }

  get(id: string): Sweep | undefined {
    return this.#of.get(id);
  }

  /** Makes the sweeps match the canvases that there are. */
  keep(wanted: ReadonlyMap<string, Place>): void {
    for (const [id, sweep] of this.#of) {
      const still = wanted.get(id);
      if (still?.canvas === sweep.canvas && still.of === sweep.of) continue;
      sweep.end();
      this.#of.delete(id);
    }
    for (const [id, { canvas, of, spanMs }] of wanted) {
      if (!this.#of.has(id)) this.#of.set(id, new Sweep(canvas, of, spanMs));
    }
  }
}
