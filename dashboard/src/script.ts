/**
 * When each phase of a guided practice begins, and each of its sentences: the same
 * maths as `practice/practices.py`. There is no clock in here.
 */

import type { Practice } from "./protocol.ts";

const LONGEST_SILENCE_MS = 45_000;

/** A phase in time: milliseconds since the practice began. */
export interface Moment {
  readonly phase: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly sentencesMs: readonly number[];
  /** Whether the pacer is to be followed meanwhile. */
  readonly pacer: boolean;
}

export function timeline(practice: Practice, minutes: number): readonly Moment[] {
  const whole = practice.phases.reduce((sum, phase) => sum + phase.weight, 0);
  const totalMs = minutes * 60_000;
  let before = 0;
  return practice.phases.map((phase) => {
    const startMs = Math.round((totalMs * before) / whole);
    before += phase.weight;
    const endMs = Math.round((totalMs * before) / whole);
    const gapMs = Math.min((endMs - startMs) / phase.sentences, LONGEST_SILENCE_MS);
    return {
      phase: phase.id,
      startMs,
      endMs,
      sentencesMs: Array.from({ length: phase.sentences }, (_, i) => Math.round(startMs + i * gapMs)),
      pacer: phase.pacer,
    };
  });
}

/** The phase at `tMs`, and which of its sentences came last; null before and after. */
export function momentAt(
  moments: readonly Moment[],
  tMs: number,
): { readonly moment: Moment; readonly sentence: number } | null {
  const moment = moments.find((one) => one.startMs <= tMs && tMs < one.endMs);
  if (!moment) return null;
  return { moment, sentence: moment.sentencesMs.findLastIndex((at) => at <= tMs) };
}

/** When the next sentence or phase begins after `tMs`, or the last one ends. */
export function nextChangeMs(moments: readonly Moment[], tMs: number): number | null {
  const instants = moments.flatMap(({ sentencesMs, endMs }) => [...sentencesMs, endMs]);
  return instants.find((at) => at > tMs) ?? null;
}
