/**
 * How the tone is written ahead: short straight ramps on the clock of the sound card.
 * A plan maps that clock to the tone; when the schedule or the clock changes, a new
 * plan is joined to the old one without a jump in pitch or level. Pure numbers.
 */

import type { PacerPart } from "../pacer.ts";
import { FADE_MS, SILENT, type Tone, toneAt } from "./tone.ts";

/** The tone at an instant of the audio clock, in milliseconds. */
export type Plan = (audioMs: number) => Tone;

/** The end of one ramp: there the sound has this pitch and level. */
export interface Point extends Tone {
  readonly at_ms: number;
}

/** Ramps this short follow the curve to a thousandth of its pitch. */
export const STEP_MS = 40;
/** In silence the pitch goes over to where it has to be. */
const GLIDE_MS = 50;
/** Differences that no ear takes for a jump. */
const SAME_PITCH = 0.004;
const SAME_LEVEL = 0.03;

/** What the schedule asks for; `audio = session / speed + offset`. A clock that stands is silent. */
export function planOf(schedule: readonly PacerPart[], speed: number, offsetMs: number): Plan {
  if (speed <= 0) return () => SILENT;
  return (audioMs) => toneAt(schedule, (audioMs - offsetMs) * speed);
}

/**
 * Goes over from `old` to `next` at `atMs`. Where they agree the new one simply holds;
 * where they differ the old one fades out, the pitch moves unheard, the new one fades in.
 */
export function joinPlans(old: Plan, next: Plan, atMs: number): Plan {
  const [was, becomes] = [old(atMs), next(atMs)];
  if (alike(was, becomes)) {
    // The last small difference is spread over a fade.
    const [ratio, more] = [was.hz / becomes.hz, was.level - becomes.level];
    return (tMs) => {
      if (tMs < atMs) return old(tMs);
      const { hz, level } = next(tMs);
      const left = 1 - share(tMs - atMs, FADE_MS);
      return { hz: hz * ratio ** left, level: Math.max(level + more * left, 0) };
    };
  }
  const outMs = atMs + FADE_MS;
  const inMs = outMs + GLIDE_MS;
  const from = old(outMs).hz;
  const to = next(inMs).hz;
  return (tMs) => {
    if (tMs < atMs) return old(tMs);
    if (tMs < outMs) {
      const { hz, level } = old(tMs);
      return { hz, level: level * (1 - share(tMs - atMs, FADE_MS)) };
    }
    if (tMs < inMs) return { hz: from + (to - from) * share(tMs - outMs, GLIDE_MS), level: 0 };
    const { hz, level } = next(tMs);
    return { hz, level: level * share(tMs - inMs, FADE_MS) };
  };
}

/** The ends of the ramps after `fromMs` up to `toMs`, on a fixed grid of the clock. */
export function points(plan: Plan, fromMs: number, toMs: number): readonly Point[] {
  const found: Point[] = [];
  const first = Math.floor(fromMs / STEP_MS) + 1;
  for (let k = first; k * STEP_MS <= toMs; k++) {
    const at_ms = k * STEP_MS;
    found.push({ at_ms, ...plan(at_ms) });
  }
  return found;
}

function alike(one: Tone, other: Tone): boolean {
  return Math.abs(one.hz / other.hz - 1) <= SAME_PITCH && Math.abs(one.level - other.level) <= SAME_LEVEL;
}

function share(elapsedMs: number, ofMs: number): number {
  return Math.min(Math.max(elapsedMs / ofMs, 0), 1);
}
