/** Amounts of the settings in words: halves at the most, and no percentages. */

import { copy } from "./copy.ts";

export { paceWords } from "./words.ts";

/** A volume from 0 to 1. */
export function volumeWords(volume: number): string {
  const words = copy.settings.volumes;
  const at = volume <= 0 ? 0 : Math.min(Math.max(Math.ceil(volume * 5 - 1e-6), 1), words.length - 1);
  return words[at] ?? "";
}

/** Whole and half numbers: 4, 4½, ½. */
export function halves(value: number): string {
  const twice = Math.round(value * 2);
  const whole = Math.floor(twice / 2);
  if (twice % 2 === 0) return String(whole);
  return whole === 0 ? "½" : `${whole}½`;
}

/** About how long one breathes in and out. */
export function splitSeconds(rateBpm: number, inhalePct: number, restMs: number): [string, string] {
  const wholeS = 60 / rateBpm - restMs / 1000;
  const inS = (wholeS * inhalePct) / 100;
  return [halves(inS), halves(wholeS - inS)];
}
