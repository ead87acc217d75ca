/**
 * The breathing pacer: a pure function of time, with the same maths as
 * `src/biofeedback/practice/pacer.py`. There is no clock in here.
 */

/** One part of the schedule; it holds from `origin_ms` on (session clock). */
export interface PacerPart {
  readonly origin_ms: number;
  readonly rate_bpm: number;
  readonly inhale_pct: number;
  readonly hold_in_ms: number;
  readonly hold_out_ms: number;
  readonly from_breath: number;
}

export type Phase = "in" | "hold_in" | "out" | "hold_out";

/** Where the pacer is: `fullness` 0 is empty lungs, 1 is full. */
export interface PacerState {
  readonly breath: number;
  readonly phase: Phase;
  readonly fullness: number;
  /** How much of the phase has passed, 0 to 1. */
  readonly share: number;
  readonly breath_start_ms: number;
  readonly breath_end_ms: number;
}

/** The length of one breath. */
export function periodMs(part: PacerPart): number {
  return 60_000 / part.rate_bpm;
}

/** How long breathing in lasts: its share of what the holds leave. */
export function inhaleMs(part: PacerPart): number {
  return ((periodMs(part) - part.hold_in_ms - part.hold_out_ms) * part.inhale_pct) / 100;
}

/** The part that holds at `tMs`; before the first origin, the first. */
export function active(schedule: readonly PacerPart[], tMs: number): PacerPart | null {
  for (let i = schedule.length - 1; i >= 0; i--) {
    const part = schedule[i];
    if (part && part.origin_ms <= tMs) return part;
  }
  return schedule[0] ?? null;
}

/** Where the pacer is at `tMs`, or null while there is no schedule. */
export function stateAt(schedule: readonly PacerPart[], tMs: number): PacerState | null {
  const part = active(schedule, tMs);
  if (!part) return null;
  const period = periodMs(part);
  const k = Math.floor((tMs - part.origin_ms) / period);
  const start = part.origin_ms + k * period;
  const inhale = inhaleMs(part);
  const exhale = period - inhale - part.hold_in_ms - part.hold_out_ms;
  const holdEnds = inhale + part.hold_in_ms;
  const elapsed = tMs - start;
  let phase: Phase;
  let share: number;
  let fullness: number;
  if (elapsed < inhale) {
    phase = "in";
    share = elapsed / inhale;
    fullness = ease(share);
  } else if (elapsed < holdEnds) {
    phase = "hold_in";
    share = (elapsed - inhale) / part.hold_in_ms;
    fullness = 1;
  } else if (elapsed < holdEnds + exhale) {
    phase = "out";
    share = (elapsed - holdEnds) / exhale;
    fullness = 1 - ease(share);
  } else {
    phase = "hold_out";
    share = part.hold_out_ms > 0 ? (elapsed - holdEnds - exhale) / part.hold_out_ms : 1;
    fullness = 0;
  }
  return {
    breath: part.from_breath + k,
    phase,
    fullness,
    share,
    breath_start_ms: start,
    breath_end_ms: start + period,
  };
}

/** When the phase of `state` ends, so that a screen knows when to look again. */
export function phaseEndMs(part: PacerPart, state: PacerState): number {
  const inhaleEnds = state.breath_start_ms + inhaleMs(part);
  switch (state.phase) {
    case "in":
      return inhaleEnds;
    case "hold_in":
      return inhaleEnds + part.hold_in_ms;
    case "out":
      return state.breath_end_ms - part.hold_out_ms;
    case "hold_out":
      return state.breath_end_ms;
  }
}

/**
 * Adds a part to a schedule. A part that was announced for the same breath or a later
 * one is replaced, and what the service sends twice is kept once.
 */
export function withPart(schedule: readonly PacerPart[], part: PacerPart): readonly PacerPart[] {
  return [...schedule.filter((known) => known.origin_ms < part.origin_ms), part];
}

// Half a cosine: slow where a breath turns.
function ease(share: number): number {
  return (1 - Math.cos(Math.PI * Math.min(Math.max(share, 0), 1))) / 2;
}
