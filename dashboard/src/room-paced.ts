/**
 * Which pace holds in a session that is watched, and when nobody follows one. By what the
 * session told, as `src/biofeedback/practice/phases.py` reads it. Pure: time is an argument.
 */

import type { PacerPart } from "./pacer.ts";
import type { Entry } from "./protocol.ts";

export interface PaceNow {
  /** The part that holds: the newest whose time has come. */
  readonly part: PacerPart;
  /** Where a change that is planned leads; null where none is. */
  readonly goalBpm: number | null;
}

/** The pace at `nowMs` on the session's clock, or null before the first one begins. */
export function paceNow(schedule: readonly PacerPart[], nowMs: number): PaceNow | null {
  const part = schedule.findLast((one) => one.origin_ms <= nowMs);
  if (!part) return null;
  const goal = schedule.at(-1) ?? part;
  return { part, goalBpm: goal.origin_ms > nowMs && goal.rate_bpm !== part.rate_bpm ? goal.rate_bpm : null };
}

/** Whether the person breathes by no pace from this entry on; null where it says nothing of it. */
export function freed({ type, text, moment }: Entry): boolean | null {
  if (moment === "after" || type === "symptom" || type === "plan") return true;
  if (type !== "phase" || text === null) return null;
  if (text === "practice" || text === "practice/longer") return false;
  if (text === "practice/own_breaths") return true;
  if (!text.startsWith("resonance/")) return null;
  const part = text.slice("resonance/".length);
  if (part === "rest" || part === "done") return true;
  return part === "sliding" || /^\d+(\.\d+)?$/.test(part) ? false : null;
}

/** From when to when; the last may go on. */
export type Stretch = readonly [fromMs: number, untilMs: number];

/** The stretches in which nobody followed the pacer, oldest first. */
export function ownBreaths(entries: readonly Entry[]): readonly Stretch[] {
  const found: Stretch[] = [];
  let fromMs: number | null = null;
  for (const entry of entries) {
    const own = freed(entry);
    const atMs = entry.at_ms ?? entry.t_ms;
    if (own === true) fromMs ??= atMs;
    else if (own === false && fromMs !== null) {
      found.push([fromMs, atMs]);
      fromMs = null;
    }
  }
  return fromMs === null ? found : [...found, [fromMs, Infinity]];
}

export function within(stretches: readonly Stretch[], tMs: number): boolean {
  return stretches.some(([from, until]) => from <= tMs && tMs < until);
}
