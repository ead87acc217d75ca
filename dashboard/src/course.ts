/**
 * The course of a practice: paced, then three free breaths, then a soft sign. Found from
 * the schedule alone, so a page that was loaded anew goes on where it is. Pure.
 */

import { active, type PacerPart, periodMs, stateAt } from "./pacer.ts";

export type Stage = "paced" | "free" | "sign" | "over";

export interface Course {
  readonly stage: Stage;
  /** What is left of the paced time; 0 once it is over. */
  readonly leftMs: number;
  /** Where the pacing ends: with a whole breath. */
  readonly pacedEndMs: number;
}

export const FREE_BREATHS = 3;
export const SIGN_MS = 6_000;

/**
 * Where a practice stands at `nowMs`, which is to be paced until `untilMs`. It never ends
 * in the middle of a breath, nor before `heldMs`, when somebody was still answering.
 */
export function courseAt(
  schedule: readonly PacerPart[],
  untilMs: number,
  nowMs: number,
  heldMs = -Infinity,
): Course {
  const wantedMs = Math.max(untilMs, heldMs);
  // A breath that ends just then is the last one.
  const pacedEndMs = stateAt(schedule, wantedMs - 1)?.breath_end_ms ?? wantedMs;
  const part = active(schedule, pacedEndMs - 1);
  const freeEndMs = pacedEndMs + FREE_BREATHS * (part ? periodMs(part) : 0);
  const leftMs = Math.max(0, untilMs - nowMs);
  if (nowMs < pacedEndMs) return { stage: "paced", leftMs, pacedEndMs };
  if (nowMs < freeEndMs) return { stage: "free", leftMs, pacedEndMs };
  return { stage: nowMs < freeEndMs + SIGN_MS ? "sign" : "over", leftMs, pacedEndMs };
}
