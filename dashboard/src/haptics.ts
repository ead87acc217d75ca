/**
 * Pulses of a phone: one for breathing in, two for breathing out (as people asked of
 * brethap). Browsers take no time for a pulse, so each one is waited for.
 */

import { active, type Paced, type PacerPart, stateAt } from "./pacer.ts";
import { allowed } from "./sound/output.ts";
import { phaseSpan } from "./sound/tone.ts";

const ONE_MS: readonly number[] = [90];
const TWO_MS: readonly number[] = [90, 140, 90];
const LONG_MS: readonly number[] = [450];

/** Longer than this no timer sleeps, so that a new schedule is soon seen. */
const LOOK_EVERY_MS = 250;

export const canVibrate = typeof navigator !== "undefined" && typeof navigator.vibrate === "function";

/** A pulse on the schedule's clock: buzzes and pauses in turn, in milliseconds. */
export interface Pulse {
  readonly at_ms: number;
  readonly pattern: readonly number[];
}

/** The first pulse after `tMs`, or null where there is no schedule. A rest has none. */
export function nextPulse(schedule: readonly PacerPart[], tMs: number): Pulse | null {
  let at = tMs;
  // Four phases and a cut at the most lie before the next one that begins.
  for (let i = 0; i < 6; i++) {
    const part = active(schedule, at);
    const state = stateAt(schedule, at);
    if (!part || !state) return null;
    const firstMs = schedule[0]?.origin_ms ?? 0;
    const end = at < firstMs ? Math.min(phaseSpan(schedule, part, state)[1], firstMs) : phaseSpan(schedule, part, state)[1];
    const next = stateAt(schedule, end + 1e-6)?.phase;
    if (next === "in") return { at_ms: end, pattern: ONE_MS };
    if (next === "out") return { at_ms: end, pattern: TWO_MS };
    at = end + 1e-6;
  }
  return null;
}

/** Pulses by a pacer until told to stop. */
export class Haptics {
  readonly #paced: Paced;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #on = false;
  #lastMs: number | null = null;

  constructor(paced: Paced) {
    this.#paced = paced;
  }

  get on(): boolean {
    return this.#on;
  }

  start(): void {
    if (this.#on || !canVibrate) return;
    this.#on = true;
    this.#lastMs = null;
    this.#look();
  }

  /** Ends a pulse that is under way, too. */
  stop(): void {
    if (!this.#on) return;
    this.#on = false;
    clearTimeout(this.#timer);
    vibrate([0]);
  }

  #look(): void {
    const { schedule, speed } = this.#paced;
    const nowMs = this.#paced.nowMs();
    let waitMs = LOOK_EVERY_MS;
    if (nowMs !== null && speed > 0) {
      const due = nextPulse(schedule, this.#lastMs === null ? nowMs : Math.max(this.#lastMs, nowMs - LOOK_EVERY_MS));
      if (due && due.at_ms <= nowMs) {
        vibrate(due.pattern);
      } else if (due) {
        waitMs = Math.min(waitMs, (due.at_ms - nowMs) / speed);
      }
      this.#lastMs = nowMs;
    }
    this.#timer = setTimeout(() => this.#look(), Math.max(waitMs, 4));
  }
}

/** A short pulse: a tap was felt. */
export function answerByTouch(): void {
  vibrate(ONE_MS);
}

/** A long pulse: what was asked for is done. */
export function confirmByTouch(): void {
  vibrate(LONG_MS);
}

/** One pulse in, two pulses out, to try how they feel. */
export function tryPulses(): void {
  vibrate([...ONE_MS, 1200, ...TWO_MS]);
}

/** A page that was never tapped may not: browsers complain of it. */
function vibrate(pattern: readonly number[]): void {
  if (canVibrate && allowed()) navigator.vibrate([...pattern]);
}
