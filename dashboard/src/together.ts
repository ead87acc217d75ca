/**
 * What the events of a session say now: whether it is shared, who watches, whether the
 * hand is up, what was proposed and written. Pure: entries and time are arguments.
 */

import { active, type PacerPart, stateAt } from "./pacer.ts";
import type { Entry } from "./protocol.ts";

export type SharingState = "on" | "paused" | "off";

/** A pace that a therapist suggests; it waits for the person's own word. */
export interface Proposal {
  readonly id: string;
  readonly by: string;
  readonly rateBpm: number;
  readonly sinceMs: number;
}

export interface Letter {
  readonly id: string;
  readonly by: string;
  readonly text: string;
  readonly sinceMs: number;
}

/** So long a proposal is open, as the service has it. */
export const OPEN_MS = 60_000;
/** A message stays for this long at least, and longer the more there is to read. */
const STAYS_MS = 30_000;
const PER_SIGN_MS = 150;

/** What the person said last of sharing this session; null before the first word. */
export function sharingSaid(entries: readonly Entry[]): SharingState | null {
  const last = entries.findLast((entry) => entry.type === "sharing");
  return last ? (last.text as SharingState) : null;
}

/** The codes of those who watch now, in the order in which they came. */
export function watchersNow(entries: readonly Entry[]): readonly string[] {
  const here = new Set<string>();
  for (const { type, by, text } of entries) {
    if (type !== "watching") continue;
    if (text === "on") here.add(by);
    else here.delete(by);
  }
  return [...here];
}

export function handIsUp(entries: readonly Entry[]): boolean {
  return entries.findLast((entry) => entry.type === "hand")?.text === "up";
}

/** The newest proposal, while nobody has answered it and it is not over. */
export function openProposal(entries: readonly Entry[], nowMs: number): Proposal | null {
  const last = entries.findLast((entry) => entry.type === "pacer_proposed");
  if (!last || last.value === null || nowMs - last.t_ms >= OPEN_MS) return null;
  const answered = entries.some(
    ({ type, text }) => (type === "pacer_accepted" || type === "pacer_declined") && text === last.id,
  );
  return answered ? null : { id: last.id, by: last.by, rateBpm: last.value, sinceMs: last.t_ms };
}

/** All that was written, the oldest first. */
export function letters(entries: readonly Entry[]): readonly Letter[] {
  return entries
    .filter((entry) => entry.type === "message" && entry.text)
    .map(({ id, by, text, t_ms }) => ({ id, by, text: text ?? "", sinceMs: t_ms }));
}

/** Which messages were on screen before, on whatever page. */
export function shownLetters(entries: readonly Entry[]): ReadonlySet<string> {
  return new Set(entries.filter((entry) => entry.type === "message_shown").map((entry) => entry.text ?? ""));
}

/**
 * When the breath that runs at `tMs` has been breathed out: then something may appear.
 * At once where there is no pace, before the first breath, and between two breaths.
 */
export function betweenBreathsMs(schedule: readonly PacerPart[], tMs: number): number {
  const state = stateAt(schedule, tMs);
  const part = active(schedule, tMs);
  const first = schedule[0];
  if (!state || !part || !first || tMs < first.origin_ms) return tMs;
  const outMs = state.breath_end_ms - part.hold_out_ms;
  if (tMs >= outMs || tMs === state.breath_start_ms) return tMs;
  // Another pace may begin before this breath would have ended.
  const cutMs = schedule.find((later) => later.origin_ms > tMs)?.origin_ms ?? Infinity;
  return Math.min(outMs, cutMs);
}

/** When a message that appeared at `shownMs` may go: after it was read, and a breath. */
export function goesMs(text: string, shownMs: number, schedule: readonly PacerPart[]): number {
  return betweenBreathsMs(schedule, shownMs + STAYS_MS + PER_SIGN_MS * text.length);
}
