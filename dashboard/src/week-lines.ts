/** Where the lines and shades of a picture over weeks lie. Pure; a gap stays a gap. */

import type { Mean } from "./protocol.ts";
import { FEW } from "./history-words.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Shade {
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Frame {
  readonly width: number;
  readonly height: number;
  /** Room for numbers before the first week. */
  readonly left?: number;
  readonly low: number;
  readonly high: number;
}

export interface Drawn {
  readonly points: readonly Point[];
  /** Runs of neighbouring weeks: nothing is drawn across a week without answers. */
  readonly lines: readonly (readonly Point[])[];
  readonly shades: readonly (readonly Shade[])[];
}

/** Beside each end of the axis, so that a mark is never cut off. */
const INSET = 14;

export function xOf(week: number, count: number, { width, left = 0 }: Frame): number {
  if (count < 2) return width / 2;
  return left + INSET + (week * (width - left - 2 * INSET)) / (count - 1);
}

export function yOf(value: number, { height, low, high }: Frame): number {
  const kept = Math.min(Math.max(value, low), high);
  return INSET + ((high - kept) * (height - 2 * INSET)) / (high - low);
}

export function drawn(means: readonly Mean[], frame: Frame): Drawn {
  const points: Point[] = [];
  const lines: Point[][] = [];
  const shades: Shade[][] = [];
  let line: Point[] = [];
  let shade: Shade[] = [];
  means.forEach(({ n, mean, low, high }, week) => {
    if (mean === null) {
      line = [];
      shade = [];
      return;
    }
    const x = xOf(week, means.length, frame);
    const point = { x, y: yOf(mean, frame) };
    points.push(point);
    if (line.length === 0) lines.push(line);
    line.push(point);
    if (n < FEW || low === null || high === null) {
      shade = [];
      return;
    }
    if (shade.length === 0) shades.push(shade);
    shade.push({ x, top: yOf(high, frame), bottom: yOf(low, frame) });
  });
  return { points, lines, shades };
}

/** The outline of a shade; one week alone is as wide as its mark. */
export function outline(shade: readonly Shade[], alone = 8): string {
  const [only] = shade;
  const all =
    shade.length === 1 && only ? [{ ...only, x: only.x - alone }, { ...only, x: only.x + alone }] : shade;
  const over = all.map(({ x, top }) => `${x.toFixed(1)},${top.toFixed(1)}`);
  const back = all.map(({ x, bottom }) => `${x.toFixed(1)},${bottom.toFixed(1)}`).reverse();
  return [...over, ...back].join(" ");
}

/** The gap's axis: the same above and below 0, at least 3 points, at most 10. */
export function gapReach(means: readonly Mean[]): number {
  const reached = means.flatMap(({ n, mean, low, high }) => (n < FEW ? [mean] : [mean, low, high]));
  const farthest = Math.max(3, ...reached.map((value) => Math.abs(value ?? 0)));
  return Math.min(10, Math.ceil(farthest));
}
