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
  /** Made on this page, and on its way to the service, which tells it again. */
  readonly local?: boolean;
}

/** Asks for a pace; `practice/pacer.py` makes the same parts of it as `glide` does. */
export interface PaceCommand {
  readonly rate_bpm: number;
  readonly inhale_pct: number;
  readonly hold_in_ms: number;
  readonly hold_out_ms: number;
  /** How long each half breath a minute of the change takes; null changes at once. */
  readonly ease_s: number | null;
  /** Where the change begins, instead of at the pace that holds. */
  readonly from_rate_bpm: number | null;
  /** Begins a breath there and then, instead of at the next breath. */
  readonly origin_ms: number | null;
}

/** The most that the pace changes at once. */
export const LARGEST_STEP_BPM = 0.5;
/** Half a breath a minute in half a minute: one breath a minute in a minute. */
export const RAMP_EASE_S = 30;
const NATURAL_RATE_BPM = 10;
const RAMP_LIMIT_BPM = 12;

/** Whatever breathes by a schedule: a session, or this page alone. */
export interface Paced {
  readonly schedule: readonly PacerPart[];
  /** How fast its clock runs: 1, but for a replay. */
  readonly speed: number;
  /** Now on its clock, or null while that is not known. */
  nowMs(): number | null;
  /** Asks for the time again, after the computer slept. */
  resync(): void;
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
 * Adds a part that the service tells. A part that was announced for the same breath or
 * a later one is replaced, and what the service sends twice is kept once. What this page
 * made itself and the service now tells is the same part: those after it stay, since
 * they are being told next, and so nothing jumps in between.
 */
export function withPart(schedule: readonly PacerPart[], part: PacerPart): readonly PacerPart[] {
  const at = schedule.findIndex((known) => known.local === true && alike(known, part));
  if (at >= 0) return schedule.with(at, part);
  return [...schedule.filter((known) => known.origin_ms < part.origin_ms), part];
}

/** The schedule with `parts` in place of all that had not begun. */
export function joined(schedule: readonly PacerPart[], parts: readonly PacerPart[]): readonly PacerPart[] {
  const first = parts[0];
  if (!first) return schedule;
  return [...schedule.filter((known) => known.origin_ms < first.origin_ms), ...parts];
}

/**
 * The parts that lead to another pace from `tMs` on, by the maths of the service: in
 * steps of half a breath a minute, each `ease_s` long and whole breaths; from the breath
 * that comes next, or at once from `origin_ms`, the person's tap.
 */
export function glide(
  schedule: readonly PacerPart[],
  tMs: number,
  command: PaceCommand,
): readonly PacerPart[] {
  const { rate_bpm, inhale_pct, hold_in_ms, hold_out_ms, ease_s, from_rate_bpm, origin_ms } = command;
  const first = schedule[0];
  const begun = schedule.filter((part) =>
    origin_ms === null ? part.origin_ms <= tMs : part.origin_ms < origin_ms,
  );
  let startMs = origin_ms ?? tMs;
  let breath = 0;
  if (first && begun.length === 0) {
    startMs = first.origin_ms;
    breath = first.from_breath;
  } else if (first) {
    const state = stateAt(begun, startMs);
    if (state) {
      startMs = origin_ms ?? state.breath_end_ms;
      breath = state.breath + 1;
    }
  }
  const heldBpm = begun.at(-1)?.rate_bpm ?? rate_bpm;
  return steps(heldBpm, rate_bpm, ease_s, from_rate_bpm).map((stepBpm) => {
    const part = {
      origin_ms: startMs,
      rate_bpm: stepBpm,
      inhale_pct,
      hold_in_ms,
      hold_out_ms,
      from_breath: breath,
    };
    const n = Math.max(1, Math.ceil(((ease_s ?? 0) * 1000) / periodMs(part)));
    startMs += n * periodMs(part);
    breath += n;
    return part;
  });
}

function steps(heldBpm: number, toBpm: number, easeS: number | null, fromBpm: number | null): number[] {
  if (easeS === null) return [toBpm];
  const startBpm = fromBpm ?? heldBpm;
  const n = Math.ceil(Math.abs(toBpm - startBpm) / LARGEST_STEP_BPM - 1e-9);
  const found = [];
  for (let i = fromBpm !== null && n > 0 ? 0 : 1; i < n; i++) {
    found.push(Math.round((startBpm + ((toBpm - startBpm) * i) / n) * 1000) / 1000);
  }
  return [...found, toBpm];
}

/**
 * Where a practice begins its way down: at the person's own rate as far as that is
 * known, never more than a third of the practice away at a breath a minute a minute.
 */
export function rampFrom(naturalBpm: number | null, rateBpm: number, minutes: number): number {
  const highest = Math.min(naturalBpm ?? NATURAL_RATE_BPM, rateBpm + minutes / 3, RAMP_LIMIT_BPM);
  const start = Math.max(rateBpm, highest);
  return Math.floor((start - rateBpm) * 2 + 0.5) / 2 + rateBpm;
}

/** The next breath begins at `tapMs`: "I lost it". A change under way goes on from here. */
export function rejoin(schedule: readonly PacerPart[], tapMs: number): PaceCommand | null {
  const held = active(schedule, tapMs);
  const goal = schedule.at(-1);
  if (!held || !goal) return null;
  const { rate_bpm, inhale_pct, hold_in_ms, hold_out_ms } = goal;
  return {
    ...{ rate_bpm, inhale_pct, hold_in_ms, hold_out_ms },
    ease_s: RAMP_EASE_S,
    from_rate_bpm: held.rate_bpm,
    origin_ms: tapMs,
  };
}

function alike(one: PacerPart, other: PacerPart): boolean {
  return (
    Math.abs(one.origin_ms - other.origin_ms) < 1e-3 &&
    one.rate_bpm === other.rate_bpm &&
    one.inhale_pct === other.inhale_pct &&
    one.hold_in_ms === other.hold_in_ms &&
    one.hold_out_ms === other.hold_out_ms
  );
}

// Half a cosine: slow where a breath turns.
function ease(share: number): number {
  return (1 - Math.cos(Math.PI * Math.min(Math.max(share, 0), 1))) / 2;
}
