import assert from "node:assert/strict";
import { test } from "node:test";
import { inhaleMs, type PacerPart, periodMs, phaseEndMs, stateAt, withPart } from "../src/pacer.ts";

const six: PacerPart = {
  origin_ms: 250,
  rate_bpm: 6,
  inhale_pct: 40,
  hold_in_ms: 0,
  hold_out_ms: 0,
  from_breath: 0,
};

test("six a minute at 40:60 is 4.000 s in and 6.000 s out", () => {
  assert.equal(periodMs(six), 10_000);
  assert.equal(inhaleMs(six), 4_000);
  assert.equal(stateAt([six], 250)?.phase, "in");
  assert.equal(stateAt([six], 250 + 3_999.999)?.phase, "in");
  assert.equal(stateAt([six], 250 + 4_000)?.phase, "out");
  assert.equal(stateAt([six], 250 + 9_999.999)?.phase, "out");
  assert.equal(stateAt([six], 250 + 10_000)?.phase, "in");
  assert.equal(stateAt([six], 250 + 10_000)?.breath, 1);
});

test("after twenty minutes no drift has gathered", () => {
  const part = { ...six, rate_bpm: 5.5 };
  const breaths = 110;
  const state = stateAt([part], 250 + 20 * 60_000 + 0.001);
  assert.equal(state?.breath, breaths);
  assert.ok(Math.abs((state?.breath_start_ms ?? 0) - (250 + 20 * 60_000)) < 0.001);
});

test("rests hold the lungs full and empty, and the rest is shared out", () => {
  const part = { ...six, origin_ms: 0, hold_in_ms: 1_000, hold_out_ms: 2_000 };
  assert.equal(inhaleMs(part), 2_800);
  assert.deepEqual(
    [1_000, 3_000, 4_000, 8_500].map((t) => stateAt([part], t)?.phase),
    ["in", "hold_in", "out", "hold_out"],
  );
  assert.equal(stateAt([part], 3_000)?.fullness, 1);
  assert.equal(stateAt([part], 8_500)?.fullness, 0);
});

test("each phase ends where the next one begins", () => {
  const part = { ...six, hold_in_ms: 1_000, hold_out_ms: 2_000 };
  const seen: string[] = [];
  for (let t = 250, i = 0; i < 4; i++) {
    const state = stateAt([part], t);
    assert.ok(state);
    seen.push(state.phase);
    t = phaseEndMs(part, state);
    assert.notEqual(stateAt([part], t + 1e-6)?.phase, state.phase);
  }
  assert.deepEqual(seen, ["in", "hold_in", "out", "hold_out"]);
});

test("fullness never jumps, whatever the change", () => {
  for (const rate of [4.5, 5.5, 6.5, 7, 12]) {
    const changed = withPart([six], {
      ...six,
      origin_ms: 250 + 3 * 10_000,
      rate_bpm: rate,
      from_breath: 3,
    });
    let last = stateAt(changed, 20_000)?.fullness ?? 0;
    let lastBreath = 0;
    for (let t = 20_000; t < 60_000; t += 10) {
      const state = stateAt(changed, t);
      assert.ok(state);
      assert.ok(Math.abs(state.fullness - last) < 0.01, `jump at ${t} ms, ${rate} a minute`);
      assert.ok(state.breath >= lastBreath && state.breath - lastBreath <= 2);
      last = state.fullness;
      lastBreath = state.breath;
    }
  }
});

test("a change announced ahead leaves the breath under way alone", () => {
  const changed = withPart([six], { ...six, origin_ms: 10_250, rate_bpm: 5, from_breath: 1 });
  for (const t of [300, 4_000, 9_000, 10_249]) {
    assert.deepEqual(stateAt(changed, t), stateAt([six], t));
  }
  assert.equal(stateAt(changed, 10_250)?.breath_end_ms, 22_250);
});

test("two quick changes: the second takes the place of the first", () => {
  const first = withPart([six], { ...six, origin_ms: 10_250, rate_bpm: 5.5, from_breath: 1 });
  const second = withPart(first, { ...six, origin_ms: 10_250, rate_bpm: 5, from_breath: 1 });
  assert.equal(second.length, 2);
  assert.equal(second[1]?.rate_bpm, 5);
});

test("before the first origin the first part holds; without a schedule there is nothing", () => {
  assert.equal(stateAt([six], 0)?.breath, -1);
  assert.equal(stateAt([], 0), null);
});

// The same instants, computed by src/biofeedback/practice/pacer.py.
test("agrees with the service", () => {
  const schedule = [
    { ...six, origin_ms: 0, hold_in_ms: 500, hold_out_ms: 250 },
    { ...six, origin_ms: 20_000, rate_bpm: 5.5, inhale_pct: 45, from_breath: 2 },
  ];
  const expected: [number, number, string, number][] = [
    [0, 0, "in", 0.0],
    [1234.5, 0, "in", 0.25042906162781076],
    [3900, 0, "hold_in", 1.0],
    [7000, 0, "out", 0.4929245770296191],
    [9900, 0, "hold_out", 0.0],
    [15000, 1, "out", 0.9496036074479184],
    [19999, 1, "hold_out", 0.0],
    [20000, 2, "in", 0.0],
    [23000, 2, "in", 0.6710100716628343],
    [31000, 3, "in", 0.0008459208643658567],
    [45678.9, 4, "in", 0.8916280032683683],
  ];
  for (const [t, breath, phase, fullness] of expected) {
    const state = stateAt(schedule, t);
    assert.equal(state?.breath, breath);
    assert.equal(state?.phase, phase);
    assert.ok(Math.abs((state?.fullness ?? NaN) - fullness) < 1e-12);
  }
});
