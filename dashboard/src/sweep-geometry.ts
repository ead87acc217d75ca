/** Where a curve that sweeps is drawn, and what is wiped ahead of it. Pure. */

import type { TraceBeat } from "./ring.ts";

export interface Stage {
  readonly widthPx: number;
  readonly heightPx: number;
  /** How long a round takes. */
  readonly spanMs: number;
}

export type Range = readonly [number, number];
/** A strip to wipe: where it begins and how wide it is. */
export type Strip = readonly [number, number];

const INSET_PX = 4;
/** As wide as the bar that goes ahead of the curve. */
export const BAR_PX = 12;

export function xAt(tMs: number, { widthPx, spanMs }: Stage): number {
  return ((((tMs % spanMs) + spanMs) % spanMs) / spanMs) * widthPx;
}

export function yAt(hrBpm: number, [low, high]: Range, { heightPx }: Stage): number {
  const share = (hrBpm - low) / (high - low);
  return heightPx - INSET_PX - share * (heightPx - 2 * INSET_PX);
}

/** What the bar wipes while it goes from one instant to another: two strips where it goes round. */
export function wiped(fromMs: number, toMs: number, stage: Stage): readonly Strip[] {
  const { widthPx, spanMs } = stage;
  const length = ((toMs - fromMs) / spanMs) * widthPx + BAR_PX;
  if (length >= widthPx) return [[0, widthPx]];
  const from = xAt(fromMs, stage);
  const over = from + length - widthPx;
  return over > 0 ? [[from, widthPx - from], [0, over]] : [[from, length]];
}

/** Whether a line leads from one beat to the next: never across a gap or the edge. */
export function joins(from: TraceBeat | undefined, to: TraceBeat, { spanMs }: Stage): boolean {
  if (!from || !to.joined) return false;
  return Math.floor(from.t_ms / spanMs) === Math.floor(to.t_ms / spanMs);
}
