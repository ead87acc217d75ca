import assert from "node:assert/strict";
import { test } from "node:test";
import {
  active,
  glide,
  joined,
  type PaceCommand,
  type PacerPart,
  rampFrom,
  rejoin,
  stateAt,
  withPart,
} from "../src/pacer.ts";

const six: PacerPart = {
  origin_ms: 0,
  rate_bpm: 6,
  inhale_pct: 40,
  hold_in_ms: 0,
  hold_out_ms: 0,
  from_breath: 0,
};

const asked = (more: Partial<PaceCommand>): PaceCommand => ({
  ...{ rate_bpm: 6, inhale_pct: 40, hold_in_ms: 0, hold_out_ms: 0 },
  ...{ ease_s: 30, from_rate_bpm: null, origin_ms: null },
  ...more,
});

const shape = (parts: readonly PacerPart[]): number[][] =>
  parts.map((part) => [part.origin_ms, part.rate_bpm, part.from_breath]);

// The same commands, as src/biofeedback/practice/pacer.py answers them.
test("a glide is the one that the service makes", () => {
  const begun = glide([six], 41_234.5, asked({ from_rate_bpm: 7, origin_ms: 44_234.5 }));
  assert.deepEqual(shape(begun), [
    [44_234.5, 7, 5],
    [78_520.21428571429, 6.5, 9],
    [115_443.29120879121, 6, 13],
  ]);
  const schedule = joined([six], begun);
  const again = glide(schedule, 60_123.25, asked({ from_rate_bpm: 7, origin_ms: 60_123.25 }));
  assert.deepEqual(shape(again), [
    [60_123.25, 7, 7],
    [94_408.96428571429, 6.5, 11],
    [131_332.0412087912, 6, 15],
  ]);
  const held = joined(schedule, again);
  assert.deepEqual(
    shape(glide(held, 200_000, asked({ rate_bpm: 4.7, inhale_pct: 45, hold_out_ms: 1000, ease_s: 0 }))),
    [
      [201_332.0412087912, 5.567, 22],
      [212_109.83894545367, 5.133, 23],
      [223_798.90966433153, 4.7, 24],
    ],
  );
  assert.deepEqual(shape(glide(held, 200_000, asked({ rate_bpm: 5, inhale_pct: 45, ease_s: null }))), [
    [201_332.0412087912, 5, 22],
  ]);
  assert.deepEqual(
    [rampFrom(null, 6, 3), rampFrom(14, 6, 10), rampFrom(5, 6, 10), rampFrom(null, 4.7, 20)],
    [7, 9.5, 6, 10.2],
  );
});

// facts/domain.md I.1
test("in the middle of a breath nothing jumps or turns, and the new pace waits for its end", () => {
  for (const rate of [4.5, 5, 5.5, 6.5, 7, 9]) {
    for (const tMs of [20_500, 23_900, 24_100, 29_900]) {
      const changed = joined([six], glide([six], tMs, asked({ rate_bpm: rate, ease_s: 0 })));
      let last = stateAt(changed, tMs)?.fullness ?? NaN;
      for (let t = tMs; t < 30_000; t += 5) {
        const [was, is] = [stateAt([six], t), stateAt(changed, t)];
        assert.deepEqual(is, was, `${rate} a minute, asked for at ${tMs} ms`);
      }
      for (let t = 29_000; t < 60_000; t += 5) {
        const is = stateAt(changed, t)?.fullness ?? NaN;
        if (t > 29_000) assert.ok(Math.abs(is - last) < 0.01, `a jump at ${t} ms`);
        last = is;
      }
      assert.ok(Math.abs((active(changed, 30_000)?.rate_bpm ?? 0) - 6) <= 0.5 + 1e-9);
      assert.equal(changed.at(-1)?.rate_bpm, rate);
      assert.equal(stateAt(changed, 30_000)?.phase, "in");
      const paces = changed.map((part) => part.rate_bpm);
      for (const [i, pace] of paces.entries()) {
        if (i > 0) assert.ok(Math.abs(pace - (paces[i - 1] ?? 0)) <= 0.5 + 1e-9);
      }
    }
  }
});

test("'I lost it' begins a breath with the tap, and a way down goes on from where it was", () => {
  const way = joined([], glide([], 0, asked({ from_rate_bpm: 8, origin_ms: 0 })));
  const tapMs = 47_300;
  const command = rejoin(way, tapMs);
  assert.ok(command);
  const after = joined(way, glide(way, tapMs, command));
  const state = stateAt(after, tapMs);
  assert.equal(state?.breath_start_ms, tapMs);
  assert.equal(state?.phase, "in");
  assert.equal(state?.fullness, 0);
  assert.equal(active(after, tapMs)?.rate_bpm, active(way, tapMs)?.rate_bpm);
  assert.equal(after.at(-1)?.rate_bpm, 6);
  assert.equal(rejoin([], 0), null);
});

test("what the service tells of a tap made here changes nothing, however late", () => {
  const start = joined([], glide([], 0, asked({ from_rate_bpm: 8, origin_ms: 0 })));
  const command = rejoin(start, 31_000);
  assert.ok(command);
  const parts = glide(start, 31_000, command);
  let shown = joined(
    start,
    parts.map((part) => ({ ...part, local: true })),
  );
  const nowMs = 170_000; // two minutes later, in the last of its parts
  const before = stateAt(shown, nowMs);
  for (const part of parts) {
    shown = withPart(shown, part);
    assert.deepEqual(stateAt(shown, nowMs), before);
  }
  assert.deepEqual(shown, joined(start, parts));
  // What was not told in the end gives way to the next word of the service.
  const other = { ...six, origin_ms: 60_000, rate_bpm: 5, from_breath: 9 };
  assert.equal(withPart([six, { ...six, origin_ms: 90_000, local: true }], other).at(-1), other);
});
