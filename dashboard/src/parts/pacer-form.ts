/**
 * What every form of the pacer is made of. A form shows the breath of a schedule: by
 * animations that the browser's compositor runs, or, with less motion asked for, by
 * something that changes and does not move. There is no clock in here.
 */

import type { TemplateResult } from "lit";
import { copy } from "../copy.ts";
import type { Form } from "../preferences.ts";
import { type PacerPart, type PacerState, type Phase, stateAt } from "../pacer.ts";

/** What is shown now, and until when: this breath, and the one that comes after it. */
export interface Breath {
  readonly schedule: readonly PacerPart[];
  readonly state: PacerState;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface PacerForm {
  readonly name: Form;
  /** What the phases are called; without words of its own the usual ones. */
  readonly words?: Readonly<Record<Phase, string>>;
  template(word: string): TemplateResult;
  /** Hands the breath over to the compositor; the screen sets the time of what returns. */
  move(root: HTMLElement, breath: Breath, durationMs: number): Animation[];
  /** The same, while nothing may move; called ten times a second. */
  still(root: HTMLElement, breath: Breath, nowMs: number): void;
}

/** How often a second of breath is sampled for an animation, at least. */
const SAMPLES = 120;

/** This breath and the next one: a page that is late for a moment stays in phase. */
export function breathFrom(schedule: readonly PacerPart[], state: PacerState): Breath {
  const next = stateAt(schedule, state.breath_end_ms + 1e-3);
  return {
    schedule,
    state,
    fromMs: state.breath_start_ms,
    toMs: next?.breath_end_ms ?? state.breath_end_ms,
  };
}

/** Two breaths that are the same need no new animation. */
export function sameBreath(one: Breath | null, other: Breath): boolean {
  if (!one || one.fromMs !== other.fromMs || one.toMs !== other.toMs) return false;
  return [0.2, 0.45, 0.7, 0.95].every(
    (share) => Math.abs(fullnessAt(one, share) - fullnessAt(other, share)) < 1e-9,
  );
}

/** How full the lungs are, by the share of what is shown. */
function fullnessAt(breath: Breath, share: number): number {
  // The last sample belongs to this breath, not to the one after it.
  const tMs = Math.min(breath.fromMs + share * (breath.toMs - breath.fromMs), breath.toMs - 1e-3);
  return stateAt(breath.schedule, tMs)?.fullness ?? 0;
}

/** Frames for an animation that follows the breath. */
export function framesOf(breath: Breath, frame: (fullness: number) => Keyframe): Keyframe[] {
  return Array.from({ length: SAMPLES + 1 }, (_, i) => frame(fullnessAt(breath, i / SAMPLES)));
}

/** The word of a page that is still: what to attend to instead. */
export function calmWord(form: Form): string {
  return form === "vibration" ? copy.practice.feel : copy.practice.listen;
}
