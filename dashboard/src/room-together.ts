/**
 * How a proposal and a message stand, by the session's own events: the therapist's page
 * tells only what the recording tells as well. Pure: time is an argument.
 */

import type { Entry } from "./protocol.ts";
import { OPEN_MS } from "./together.ts";

export type Answer = "waiting" | "accepted" | "declined" | "lapsed" | "replaced";

export interface Proposed {
  readonly id: string;
  readonly by: string;
  readonly rateBpm: number;
  readonly inhalePct: number | null;
  readonly answer: Answer;
  /** How long it stays open. */
  readonly leftMs: number;
}

/** The newest proposal and what became of it. */
export function proposed(entries: readonly Entry[], nowMs: number): Proposed | null {
  const all = entries.filter((entry) => entry.type === "pacer_proposed" && entry.value !== null);
  const last = all.at(-1);
  if (!last) return null;
  const said = entries.find((e) => (e.type === "pacer_accepted" || e.type === "pacer_declined") && e.text === last.id);
  const leftMs = Math.max(0, last.t_ms + OPEN_MS - nowMs);
  const answer = said ? (said.type === "pacer_accepted" ? "accepted" : "declined") : leftMs > 0 ? "waiting" : "lapsed";
  return { id: last.id, by: last.by, rateBpm: last.value ?? 0, inhalePct: inhaleOf(last.text), answer, leftMs };
}

export function inhaleOf(text: string | null): number | null {
  try {
    const shape = JSON.parse(text ?? "null") as { inhale_pct?: unknown } | null;
    return typeof shape?.inhale_pct === "number" ? shape.inhale_pct : null;
  } catch {
    return null;
  }
}

/** The marks that were not taken back, and everything else, the newest first. */
export function lines(entries: readonly Entry[]): readonly Entry[] {
  const gone = new Set(entries.filter((e) => e.type === "correction").map((e) => e.text));
  return entries.filter((e) => e.type !== "correction" && !gone.has(e.id)).toReversed();
}

/** The bounds within which a pace may be proposed; the service keeps them as well. */
export const bounds = { rate: { low: 4, high: 12 }, inhale: { low: 30, high: 50 } } as const;

/** A pace on tenths within the bounds. */
export function boundedRate(rate: number): number {
  const { low, high } = bounds.rate;
  return Number.isFinite(rate) ? Math.round(Math.min(Math.max(rate, low), high) * 10) / 10 : 6;
}
