/**
 * The breathing tone as a pure function of time: it rises while breathing in, falls
 * while breathing out and is silent in rests. There is no sound in here, only numbers.
 */

import { active, type PacerPart, type PacerState, phaseEndMs, stateAt } from "../pacer.ts";

/** G3 for empty lungs and D4 for full ones: a fifth, which a tired ear still tells. */
export const LOW_HZ = 196;
export const HIGH_HZ = 293.66;

/** No sound comes or goes faster than this (`facts`: fades of at least 150 ms). */
export const FADE_MS = 200;

/** What is heard of empty lungs, where full ones are 1: the turn is soft, not silent. */
const EMPTY_LEVEL = 0.35;
/** Lungs that differ by less than this do not jump. */
const SAME_FULLNESS = 0.02;
const JUST_MS = 1e-3;
/** Where the breath jumps the pitch moves in a silence of twice this. */
const UNHEARD_MS = 50;

/** One instant of a sound: its pitch, and its level from 0 (silent) to 1. */
export interface Tone {
  readonly hz: number;
  readonly level: number;
}

export const SILENT: Tone = { hz: LOW_HZ, level: 0 };

/** The tone at `tMs` of the schedule's clock. */
export function toneAt(schedule: readonly PacerPart[], tMs: number): Tone {
  const part = active(schedule, tMs);
  const state = stateAt(schedule, tMs);
  if (!part || !state) return SILENT;
  const hz = LOW_HZ * (HIGH_HZ / LOW_HZ) ** state.fullness;
  if (rests(state)) return { hz, level: 0 };
  const [startMs, endMs] = phaseSpan(schedule, part, state);
  const full = EMPTY_LEVEL + (1 - EMPTY_LEVEL) * state.fullness;
  const level = full * fadeBeside(schedule, startMs, tMs - startMs) * fadeBeside(schedule, endMs, endMs - tMs);
  return { hz, level };
}

/** Where the phase of `state` begins and ends; a later part may cut it short. */
export function phaseSpan(
  schedule: readonly PacerPart[],
  part: PacerPart,
  state: PacerState,
): readonly [startMs: number, endMs: number] {
  const next = schedule[schedule.indexOf(part) + 1]?.origin_ms ?? Infinity;
  return [phaseStartMs(part, state), Math.min(phaseEndMs(part, state), next)];
}

/** When the phase of `state` began: where the one before it ended. */
function phaseStartMs(part: PacerPart, state: PacerState): number {
  switch (state.phase) {
    case "in":
      return state.breath_start_ms;
    case "hold_in":
      return phaseEndMs(part, { ...state, phase: "in" });
    case "out":
      return phaseEndMs(part, { ...state, phase: "hold_in" });
    case "hold_out":
      return phaseEndMs(part, { ...state, phase: "out" });
  }
}

/**
 * The share of a fade, `awayMs` from the turn at `turnMs`: 1 where the breath only turns;
 * beside a rest it begins or ends there; where the breath jumps it is silent all around.
 */
function fadeBeside(schedule: readonly PacerPart[], turnMs: number, awayMs: number): number {
  const before = stateAt(schedule, turnMs - JUST_MS);
  const after = stateAt(schedule, turnMs + JUST_MS);
  if (!before || !after || rests(before) || rests(after)) return share(awayMs);
  const jumps = Math.abs(before.fullness - after.fullness) > SAME_FULLNESS;
  return jumps ? share(awayMs - UNHEARD_MS) : 1;
}

function rests(state: PacerState): boolean {
  return state.phase === "hold_in" || state.phase === "hold_out";
}

/** How much of a fade has passed, 0 to 1. */
function share(elapsedMs: number): number {
  return Math.min(Math.max(elapsedMs / FADE_MS, 0), 1);
}
