import assert from "node:assert/strict";
import { test } from "node:test";
import { canVibrate, nextPulse } from "../src/haptics.ts";
import type { PacerPart } from "../src/pacer.ts";

const six: PacerPart = {
  origin_ms: 1_000,
  rate_bpm: 6,
  inhale_pct: 40,
  hold_in_ms: 0,
  hold_out_ms: 0,
  from_breath: 0,
};

/** When and how many pulses come from `fromMs` to `toMs`. */
function pulses(schedule: readonly PacerPart[], fromMs: number, toMs: number): [number, number][] {
  const found: [number, number][] = [];
  for (let t = fromMs; ; ) {
    const pulse = nextPulse(schedule, t);
    if (!pulse || pulse.at_ms > toMs) return found;
    found.push([Math.round(pulse.at_ms), (pulse.pattern.length + 1) / 2]);
    t = pulse.at_ms;
  }
}

test("one pulse to breathe in, two to breathe out, at the turn of the breath", () => {
  assert.deepEqual(pulses([six], 0, 22_000), [
    [1_000, 1],
    [5_000, 2],
    [11_000, 1],
    [15_000, 2],
    [21_000, 1],
  ]);
});

test("a rest has no pulse of its own", () => {
  const part = { ...six, origin_ms: 0, hold_in_ms: 1_000, hold_out_ms: 2_000 };
  assert.deepEqual(pulses([part], 100, 20_000), [
    [3_800, 2],
    [10_000, 1],
    [13_800, 2],
    [20_000, 1],
  ]);
});

test("a new pace and a breath that begins at a tap are felt where they begin", () => {
  const schedule = [
    six,
    { ...six, origin_ms: 11_000, rate_bpm: 5, from_breath: 1 },
    { ...six, origin_ms: 13_500, rate_bpm: 5, from_breath: 2 },
  ];
  assert.deepEqual(pulses(schedule, 1_500, 26_000), [
    [5_000, 2],
    [11_000, 1],
    [13_500, 1],
    [18_300, 2],
    [25_500, 1],
  ]);
});

test("without a schedule there is none, and a device that cannot is known", () => {
  assert.equal(nextPulse([], 0), null);
  assert.equal(canVibrate, false);
});
