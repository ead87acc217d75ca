/**
 * The plots of a recording: what each shows, on one time axis in seconds. They compute
 * nothing; a line breaks wherever two beats do not follow one another.
 */

import uPlot from "uplot";
import { labelWords, words } from "./copy-research.ts";
import { drawShape, labelShapes, ratingShapes } from "./label-shapes.ts";
import { stateAt } from "./pacer.ts";
import type { BeatLabel, RatingType } from "./protocol.ts";
import type { Series } from "./research.ts";
import { heatOf } from "./heat.ts";
import { instantWords } from "./shelf-words.ts";

export interface Colours {
  readonly ink: string;
  readonly quiet: string;
  readonly line: string;
  readonly heart: string;
  readonly accent: string;
  readonly breath: string;
  readonly ground: string;
  readonly dark: boolean;
}

/** What the plots ask of the timeline they stand on. */
export interface Stage {
  readonly series: Series;
  readonly colours: Colours;
  readonly view: () => readonly [number, number];
  readonly chosen: () => number | null;
}

export interface Plot {
  readonly name: string;
  readonly height: number;
  readonly data: uPlot.AlignedData;
  readonly series: uPlot.Series[];
  readonly y: uPlot.Scale;
  readonly draw?: (u: uPlot, below: boolean) => void;
  /** What stands at the pointer, in words; `idx` is the nearest row. */
  readonly read: (u: uPlot, idx: number) => string;
}

export type WindowMetric = keyof typeof words.time.metrics;

const SHOW_WORDS_BELOW = 60;
const WAVE_BELOW_S = 300;

const num = (value: number | null | undefined, digits = 0): string =>
  value === null || value === undefined ? words.time.none : value.toFixed(digits);

/** Seconds, with an empty row wherever a line must break. */
export interface Tachogram {
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
  /** The row of the beat in the recording, or -1. */
  readonly row: readonly number[];
}

export function tachogram({ beats }: Series): Tachogram {
  const x: number[] = [];
  const y: (number | null)[] = [];
  const row: number[] = [];
  beats.t_ms.forEach((t, i) => {
    const before = x.at(-1);
    const joined =
      i > 0 && beats.segment[i] === beats.segment[i - 1] && (beats.index[i] ?? 0) === (beats.index[i - 1] ?? 0) + 1;
    if (before !== undefined && !joined) {
      x.push((before + t / 1000) / 2);
      y.push(null);
      row.push(-1);
    }
    x.push(t / 1000);
    y.push(beats.rr_ms[i] ?? null);
    row.push(i);
  });
  return { x, y, row };
}

export function beatWords(series: Series, row: number): string {
  const { beats } = series;
  const was = beats.label[row] ?? "normal";
  const now = beats.label_now[row] ?? was;
  return was === now ? labelWords[was] : `${labelWords[was]} → ${labelWords[now]}`;
}

export function rrPlot(stage: Stage, gram: Tachogram): Plot {
  const { series, colours } = stage;
  const { beats } = series;
  return {
    name: "rr",
    height: 240,
    data: [gram.x as number[], gram.y as number[]],
    series: [{}, { stroke: colours.heart, width: 1.5, points: { size: 5, fill: colours.heart } }],
    y: { range: (_u, low, high) => padded(low, high, 40) },
    draw: (u, below) => {
      if (below) return;
      const [from, to] = stage.view();
      const { pen, px } = penOf(u);
      const seen: number[] = [];
      beats.t_ms.forEach((t, i) => {
        if (t >= from * 1000 && t <= to * 1000) seen.push(i);
      });
      for (const i of seen) {
        const was = beats.label[i] as BeatLabel;
        const now = beats.label_now[i] as BeatLabel;
        const isChosen = stage.chosen() === i;
        if (was === "normal" && now === "normal" && !isChosen) continue;
        const x = u.valToPos((beats.t_ms[i] ?? 0) / 1000, "x", true);
        const y = u.valToPos(beats.rr_ms[i] ?? 0, "y", true);
        pen.fillStyle = pen.strokeStyle = now === was ? colours.ink : colours.accent;
        pen.lineWidth = 1.75 * px;
        drawShape(pen, labelShapes[now], x, y, 5 * px);
        if (now !== was) {
          ring(pen, x, y, 9 * px);
          pen.fillStyle = pen.strokeStyle = colours.ink;
          drawShape(pen, labelShapes[was], x, y - 17 * px, 4 * px, true);
        }
        if (isChosen) {
          pen.strokeStyle = colours.ink;
          pen.strokeRect(x - 12 * px, y - 12 * px, 24 * px, 24 * px);
        }
        if (seen.length <= SHOW_WORDS_BELOW) {
          pen.fillStyle = colours.ink;
          write(pen, px, beatWords(series, i), x, y + 24 * px, "center");
        }
      }
    },
    read: (u, idx) => {
      const row = gram.row[idx] ?? -1;
      const stepS = (stage.view()[1] - stage.view()[0]) / 100;
      if (row < 0) return instantWords(u.posToVal(u.cursor.left ?? 0, "x"), stepS);
      const at = instantWords((beats.t_ms[row] ?? 0) / 1000, Math.min(stepS, 0.1));
      return `${at}: RR ${num(beats.rr_ms[row], 1)} ms, ${beatWords(series, row)}`;
    },
  };
}

export function hrPlot({ series, colours }: Stage): Plot {
  const told = series.heart.t_ms.map((t) => t / 1000);
  const mean = series.metrics.t_ms.map((t) => t / 1000);
  const data = uPlot.join([
    [told, series.heart.hr_bpm as number[]],
    [mean, (series.metrics["hr_bpm_60s"] ?? []) as number[]],
  ]);
  return {
    name: "hr",
    height: 150,
    data,
    series: [
      {},
      { stroke: colours.quiet, width: 1, spanGaps: false, points: { show: false }, paths: steps(3) },
      { stroke: colours.heart, width: 2, points: { show: false }, paths: joinedWithin(3) },
    ],
    y: { range: (_u, low, high) => padded(low, high, 5) },
    read: (_u, idx) => {
      const t = data[0][idx] ?? 0;
      return `strap ${num(near(told, series.heart.hr_bpm, t))}, mean of 60 s ${num(near(mean, series.metrics["hr_bpm_60s"] ?? [], t), 1)}`;
    },
  };
}

export function windowsPlot({ series, colours }: Stage, metric: WindowMetric): Plot {
  const column = (length: number): (number | null)[] => [...(series.metrics[`${metric}_${length}s`] ?? [])];
  const lengths = [30, 60, 300];
  const dashes = [[2, 3], [], [10, 4]];
  const digits = metric === "coverage" ? 2 : 1;
  return {
    name: "windows",
    height: 170,
    data: [series.metrics.t_ms.map((t) => t / 1000), ...lengths.map(column)] as uPlot.AlignedData,
    series: [
      {},
      ...dashes.map((dash, k) => ({
        stroke: k === 2 ? colours.ink : colours.accent,
        width: k === 0 ? 1.25 : 1.75,
        dash,
        points: { show: false },
      })),
    ],
    y: { range: (_u, low, high) => padded(low, high, metric === "coverage" ? 0.1 : 4, 0) },
    read: (u, idx) =>
      lengths.map((length, k) => `${length} s ${num(u.data[k + 1]?.[idx], digits)}`).join(", "),
  };
}

export function spectrumPlot(stage: Stage): Plot & { readonly range: readonly [string, string] | null } {
  const { series, colours } = stage;
  const { spectra } = series;
  const heat = heatOf(spectra, colours);
  const x = spectra.t_ms.map((t) => t / 1000);
  const stepS = spectra.step_ms / 1000;
  return {
    name: "spectrum",
    height: 190,
    range: heat ? [heat.low, heat.high] : null,
    data: [x, x.map(() => null)],
    series: [{}, { points: { show: false } }],
    y: { range: [0, 0.4] },
    draw: (u, below) => {
      const { pen, px } = penOf(u);
      if (below) {
        heat?.draw(u, pen, stepS);
        return;
      }
      pen.setLineDash([6 * px, 4 * px]);
      for (const [colour, width] of [[colours.ground, 4.5], [colours.ink, 1.75]] as const) {
        pen.strokeStyle = colour;
        pen.lineWidth = width * px;
        paceSteps(stage, u, pen, (rate) => rate / 60);
      }
      pen.setLineDash([]);
    },
    read: (u, idx) => {
      const row = spectra.ms2_per_hz[idx];
      if (!row) return words.time.none;
      const top = u.cursor.top ?? -1;
      const peak = row.indexOf(Math.max(...row));
      const peaked = `largest at ${num(spectra.hz[peak], 3)} Hz`;
      if (top < 0) return peaked;
      const hz = u.posToVal(top, "y");
      const bin = Math.round(hz / ((spectra.hz[1] ?? 1) - (spectra.hz[0] ?? 0)));
      return `${num(spectra.hz[bin], 3)} Hz: ${num(row[bin])} ms²/Hz, ${peaked}`;
    },
  };
}

export function breathingPlot(stage: Stage): Plot {
  const { series, colours } = stage;
  const x = series.metrics.t_ms.map((t) => t / 1000);
  const breaths = [...(series.metrics["breathing_bpm"] ?? [])];
  const paces = series.pacer.map((part) => part.rate_bpm);
  return {
    name: "breathing",
    height: 160,
    data: [x, breaths as number[]],
    series: [{}, { stroke: colours.accent, width: 0, paths: () => null, points: { show: true, size: 4, fill: colours.accent } }],
    y: { range: (_u, _low, high) => [0, Math.ceil(Math.max(10, high || 0, ...paces) * 1.15)] },
    draw: (u, below) => {
      const { pen, px } = penOf(u);
      const [from, to] = stage.view();
      if (below) {
        if (to - from <= WAVE_BELOW_S && series.pacer.length > 0) wave(stage, u, pen);
        return;
      }
      pen.strokeStyle = colours.ink;
      pen.lineWidth = 1.5 * px;
      pen.setLineDash([6 * px, 4 * px]);
      paceSteps(stage, u, pen, (rate) => rate);
      pen.setLineDash([]);
    },
    read: (u, idx) => {
      const t = 1000 * u.posToVal(u.cursor.left ?? 0, "x");
      const state = stateAt(series.pacer, t);
      const part = series.pacer.findLast((one) => one.origin_ms <= t) ?? series.pacer[0];
      const phase = state ? { in: "in", hold_in: "hold", out: "out", hold_out: "hold" }[state.phase] : "";
      const asked = part ? `, pace ${part.rate_bpm} (${phase})` : "";
      return `measured ${num(breaths[idx], 1)}${asked}`;
    },
  };
}

export function entriesPlot(stage: Stage): Plot {
  const { series, colours } = stage;
  const sorted = [...series.entries].sort((a, b) => a.t_ms - b.t_ms);
  const isRating = (type: string): type is RatingType => type in ratingShapes;
  return {
    name: "entries",
    height: 140,
    data: [sorted.map((e) => e.t_ms / 1000), sorted.map((e) => (isRating(e.type) ? e.value : null)) as number[]],
    series: [{}, { width: 0, paths: () => null, points: { show: false } }],
    y: { range: [0, 10.5] },
    draw: (u, below) => {
      if (below) return;
      const { pen, px } = penOf(u);
      const [from, to] = stage.view();
      for (const entry of sorted) {
        const t = entry.t_ms / 1000;
        if (t < from || t > to) continue;
        const x = u.valToPos(t, "x", true);
        pen.fillStyle = pen.strokeStyle = colours.ink;
        pen.lineWidth = 1.5 * px;
        if (isRating(entry.type) && entry.value !== null) {
          const y = u.valToPos(entry.value, "y", true);
          drawShape(pen, ratingShapes[entry.type], x, y, 5 * px);
          write(pen, px, String(entry.value), x + 9 * px, y + 4 * px, "left");
        } else {
          pen.beginPath();
          pen.moveTo(x, u.bbox.top);
          pen.lineTo(x, u.bbox.top + u.bbox.height);
          pen.stroke();
          write(pen, px, (entry.text ?? entry.type).slice(0, 24), x + 5 * px, u.bbox.top + 12 * px, "left");
        }
      }
    },
    read: (_u, idx) => {
      const entry = sorted[idx];
      if (!entry) return "";
      const value = entry.value === null ? "" : ` ${entry.value}`;
      return `${instantWords(entry.t_ms / 1000, 1)}: ${words.ratings[entry.type] ?? entry.type}${value}${entry.text ? `, ${entry.text}` : ""}`;
    },
  };
}

// --- Drawing --------------------------------------------------------------------------

function penOf(u: uPlot): { pen: CanvasRenderingContext2D; px: number } {
  return { pen: u.ctx, px: uPlot.pxRatio };
}

function write(pen: CanvasRenderingContext2D, px: number, said: string, x: number, y: number, align: CanvasTextAlign): void {
  pen.font = `${12 * px}px system-ui, sans-serif`;
  pen.textAlign = align;
  pen.textBaseline = "alphabetic";
  pen.fillText(said, x, y);
}

function ring(pen: CanvasRenderingContext2D, x: number, y: number, r: number): void {
  pen.beginPath();
  pen.arc(x, y, r, 0, 2 * Math.PI);
  pen.stroke();
}

/** Says so where nothing is known in view: an empty plot could be a mistake. */
export function sayIfEmpty(u: uPlot, colours: Colours): void {
  const [first, last] = u.series[0]?.idxs ?? [0, -1];
  const known = u.data.slice(1).some((column) => column.slice(first, last + 1).some((value) => value !== null && value !== undefined));
  if (known) return;
  const { pen, px } = penOf(u);
  pen.fillStyle = colours.quiet;
  write(pen, px, words.time.noneHere, u.bbox.left + u.bbox.width / 2, u.bbox.top + u.bbox.height / 2, "center");
}

/** The pace, from each part's beginning to the next one's. */
function paceSteps({ series, view }: Stage, u: uPlot, pen: CanvasRenderingContext2D, y: (rate: number) => number): void {
  const [first, last] = view();
  const endMs = Math.min(series.duration_ms, 1000 * last);
  series.pacer.forEach((part, i) => {
    const next = series.pacer[i + 1]?.origin_ms ?? endMs;
    const from = u.valToPos(Math.max(part.origin_ms / 1000, first), "x", true);
    const to = u.valToPos(Math.min(next, endMs) / 1000, "x", true);
    if (to <= from) return;
    const at = u.valToPos(y(part.rate_bpm), "y", true);
    pen.beginPath();
    pen.moveTo(from, at);
    pen.lineTo(to, at);
    pen.stroke();
  });
}

/** The breath itself behind the dots, where there is room to see it. */
function wave({ series, colours }: Stage, u: uPlot, pen: CanvasRenderingContext2D): void {
  const { left, top, width, height } = u.bbox;
  const begin = Math.max(u.valToPos(0, "x", true), left);
  const end = Math.min(u.valToPos(series.duration_ms / 1000, "x", true), left + width);
  pen.fillStyle = colours.breath;
  pen.beginPath();
  pen.moveTo(begin, top + height);
  for (let x = begin; x <= end; x += 2) {
    const t = 1000 * u.posToVal(x, "x", true);
    pen.lineTo(x, top + height * (1 - 0.9 * (stateAt(series.pacer, t)?.fullness ?? 0)));
  }
  pen.lineTo(end, top + height);
  pen.fill();
}

/** A level from each value to the next; nothing where that comes later than `withinS`. */
function steps(withinS: number): uPlot.Series.PathBuilder {
  return pathOf(withinS, true);
}

/** A line between values that are known and no more than `withinS` apart. */
function joinedWithin(withinS: number): uPlot.Series.PathBuilder {
  return pathOf(withinS, false);
}

// Two columns were joined on one x: the rows of the other one are no gaps.
function pathOf(withinS: number, level: boolean): uPlot.Series.PathBuilder {
  return (u, at, first, last) => {
    const path = new Path2D();
    const scale = "y";
    let before: readonly [number, number, number] | null = null;
    for (let i = first; i <= last; i++) {
      const value = u.data[at]?.[i];
      if (value === null || value === undefined) continue;
      const t = u.data[0][i] ?? 0;
      const x = u.valToPos(t, "x", true);
      const y = u.valToPos(value, scale, true);
      if (before && t - before[2] <= withinS) {
        if (level) path.lineTo(x, before[1]);
        path.lineTo(x, y);
      } else path.moveTo(x, y);
      before = [x, y, t];
    }
    return { stroke: path, fill: null, clip: null, band: null, gaps: [], flags: 0 };
  };
}

function padded(low: number, high: number, least: number, floor = -Infinity): [number, number] {
  if (!Number.isFinite(low) || !Number.isFinite(high) || low === null || high === null) return [0, least];
  const room = Math.max((high - low) * 0.12, (least - (high - low)) / 2, 0);
  return [Math.max(low - room, floor), high + room];
}

/** The value nearest to `t`, within two seconds. */
function near(times: readonly number[], values: readonly (number | null)[], t: number): number | null {
  let best = -1;
  let lo = 0;
  let hi = times.length - 1;
  while (lo <= hi) {
    const mid = (lo + hi) >> 1;
    if ((times[mid] ?? 0) <= t) {
      best = mid;
      lo = mid + 1;
    } else hi = mid - 1;
  }
  const age = t - (times[best] ?? -Infinity);
  return age <= 2 ? (values[best] ?? null) : null;
}
