/**
 * Where somebody is in a plan, and where they went another way. A pure function of the
 * marks, with the same rules as `src/biofeedback/practice/plan_walk.py`.
 */

import type { PacerPart } from "./pacer.ts";

interface Base<K extends string> {
  readonly kind: K;
  readonly id: string;
  /** How long it lasts; null until the person goes on. */
  readonly duration_s: number | null;
}

export interface PlanQuestions extends Base<"questions"> {
  readonly types: readonly string[];
  readonly moment: "before" | "during" | "after";
}

export interface PlanBaseline extends Base<"baseline"> {
  readonly eyes: "open" | "closed" | "either";
  readonly posture: "sitting" | "reclined" | "lying" | "standing" | "either";
}

export interface PlanPractice extends Base<"practice"> {
  readonly minutes: number;
  readonly rate_bpm: number;
  readonly inhale_pct: number;
  readonly rest_ms: number;
  readonly ramp: boolean;
  readonly practice: string;
}

export interface PlanNote extends Base<"note"> {
  readonly prompt: string;
}

export type PlanStep =
  | PlanQuestions
  | PlanBaseline
  | PlanPractice
  | PlanNote
  | Base<"rest">
  | Base<"recovery">
  | Base<"resonance">;

export interface Mark {
  readonly text: string;
  readonly atMs: number;
}

export interface Deviation {
  readonly stepId: string;
  readonly what: "skipped" | "again" | "cut_short" | "overran" | "paused" | "pace_changed";
  readonly atMs: number;
  /** Seconds, or the pace; null where there is nothing to measure. */
  readonly amount: number | null;
}

export interface Walk {
  readonly index: number | null;
  readonly beganMs: number;
  readonly leftMs: number | null;
  /** When the time of a step that goes on is over; null where it has none, or stands. */
  readonly dueMs: number | null;
  readonly paused: boolean;
  readonly done: boolean;
  readonly deviations: readonly Deviation[];
}

const EARLY_MS = 2_000;
const LATE_MS = 15_000;
const OFF_PACE_BPM = 0.05;
const SETTLING_MS = 2_000;

export function walk(
  steps: readonly PlanStep[],
  marks: readonly Mark[],
  nowMs: number,
  schedule: readonly PacerPart[] = [],
): Walk {
  const place = new Map(steps.map((step, index) => [step.id, index]));
  const deviations: Deviation[] = [];
  const visited = new Set<number>();
  let index: number | null = null;
  let beganMs = 0;
  let pausedMs = 0;
  let pauseFromMs: number | null = null;
  let done = false;

  const note = (step: PlanStep | undefined, what: Deviation["what"], atMs: number, amount: number | null): void => {
    if (step) deviations.push({ stepId: step.id, what, atMs, amount: amount === null ? null : rounded(amount) });
  };
  const close = (atMs: number): void => {
    const step = index === null ? undefined : steps[index];
    if (!step) return;
    if (pauseFromMs !== null) pausedMs += atMs - pauseFromMs;
    pauseFromMs = null;
    if (pausedMs > 0) note(step, "paused", atMs, pausedMs / 1000);
    if (step.duration_s !== null) {
      const overMs = atMs - beganMs - pausedMs - 1000 * step.duration_s;
      if (overMs < -EARLY_MS) note(step, "cut_short", atMs, -overMs / 1000);
      else if (overMs > LATE_MS) note(step, "overran", atMs, overMs / 1000);
    }
    if (step.kind !== "practice") return;
    const pace = otherPace(step, beganMs, atMs, schedule);
    if (pace !== null) note(step, "pace_changed", atMs, pace);
  };

  for (const mark of marks) {
    if (done || mark.atMs > nowMs) break;
    const to = mark.text === "end" ? steps.length : place.get(mark.text);
    if (mark.text === "pause" && index !== null) pauseFromMs ??= mark.atMs;
    else if (mark.text === "resume" && pauseFromMs !== null) {
      pausedMs += mark.atMs - pauseFromMs;
      pauseFromMs = null;
    } else if (to !== undefined && to !== index) {
      close(mark.atMs);
      if (visited.has(to)) note(steps[to], "again", mark.atMs, null);
      const first = visited.size === 0 ? 0 : Math.max(...visited) + 1;
      for (let passed = first; passed < to; passed++) {
        note(steps[passed], "skipped", mark.atMs, null);
        visited.add(passed);
      }
      visited.add(to);
      done = mark.text === "end";
      index = done ? null : to;
      beganMs = mark.atMs;
      pausedMs = 0;
    }
  }
  const lasts = index === null ? null : (steps[index]?.duration_s ?? null);
  const endMs = lasts === null ? null : beganMs + pausedMs + 1000 * lasts;
  return {
    index,
    beganMs,
    leftMs: endMs === null ? null : Math.max(0, endMs - (pauseFromMs ?? nowMs)),
    dueMs: pauseFromMs === null ? endMs : null,
    paused: pauseFromMs !== null,
    done,
    deviations,
  };
}

/** The first pace that left the plan's, once that had been reached. */
function otherPace(
  step: PlanPractice,
  beganMs: number,
  endedMs: number,
  schedule: readonly PacerPart[],
): number | null {
  let reached = false;
  for (const part of schedule) {
    if (part.origin_ms >= endedMs || part.origin_ms < beganMs - SETTLING_MS) continue;
    const same = Math.abs(part.rate_bpm - step.rate_bpm) <= OFF_PACE_BPM;
    if (reached && !same) return part.rate_bpm;
    reached ||= same;
  }
  return null;
}

function rounded(amount: number): number {
  return Math.round(amount * 1000) / 1000;
}
