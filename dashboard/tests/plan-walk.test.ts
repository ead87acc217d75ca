import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type PlanStep, walk } from "../src/plan-walk.ts";

interface Case {
  readonly name: string;
  readonly marks: readonly (readonly [string, number])[];
  readonly now_ms: number;
  readonly schedule?: readonly (readonly [number, number])[];
  readonly index: number | null;
  readonly left_ms: number | null;
  readonly paused: boolean;
  readonly done: boolean;
  readonly deviations: readonly unknown[];
}

// The tests run in the folder of the pages.
const table = JSON.parse(readFileSync("../tests/unit/plan_walks.json", "utf8")) as {
  steps: readonly Record<string, unknown>[];
  cases: readonly Case[];
};
const lasting = (step: Record<string, unknown>): number | null =>
  typeof step["minutes"] === "number" ? 60 * step["minutes"] : ((step["seconds"] as number | undefined) ?? null);
const steps = table.steps.map((step) => ({
  ...{ rate_bpm: 6, inhale_pct: 40, rest_ms: 0, practice: "" },
  ...step,
  duration_s: lasting(step),
})) as unknown as readonly PlanStep[];

for (const one of table.cases) {
  test(`the page walks as the core does: ${one.name}`, () => {
    const marks = one.marks.map(([text, atMs]) => ({ text, atMs }));
    const parts = (one.schedule ?? []).map(([origin_ms, rate_bpm]) => ({
      ...{ origin_ms, rate_bpm, inhale_pct: 40, hold_in_ms: 0, hold_out_ms: 0, from_breath: 0 },
    }));
    const found = walk(steps, marks, one.now_ms, parts);
    assert.deepEqual(
      found.deviations.map((d) => [d.stepId, d.what, d.atMs, d.amount]),
      one.deviations,
    );
    assert.deepEqual(
      [found.index, found.leftMs, found.paused, found.done],
      [one.index, one.left_ms, one.paused, one.done],
    );
  });
}
