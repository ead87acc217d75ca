import assert from "node:assert/strict";
import { test } from "node:test";
import { adjust, type ClockState, sessionMs } from "../src/clock.ts";
import { courseAt, SIGN_MS } from "../src/course.ts";
import { glide, joined, type PacerPart, rejoin, stateAt } from "../src/pacer.ts";

const six: PacerPart = {
  origin_ms: 5_000,
  rate_bpm: 6,
  inhale_pct: 40,
  hold_in_ms: 0,
  hold_out_ms: 0,
  from_breath: 0,
};
const UNTIL = 5_000 + 3 * 60_000;

test("three minutes are eighteen whole breaths, then three of one's own, then a sign", () => {
  const stage = (nowMs: number): string => courseAt([six], UNTIL, nowMs).stage;
  assert.equal(courseAt([six], UNTIL, 60_000).pacedEndMs, UNTIL);
  assert.equal(stage(UNTIL - 1), "paced");
  assert.equal(stage(UNTIL), "free");
  assert.equal(stage(UNTIL + 29_999), "free");
  assert.equal(stage(UNTIL + 30_000), "sign");
  assert.equal(stage(UNTIL + 30_000 + SIGN_MS), "over");
  assert.equal(courseAt([six], UNTIL, 65_000).leftMs, 120_000);
});

test("it never ends in the middle of a breath, nor while an answer is given", () => {
  const command = rejoin([six], 60_500);
  assert.ok(command);
  const schedule = joined([six], glide([six], 60_500, command));
  const { pacedEndMs } = courseAt(schedule, UNTIL, UNTIL);
  assert.equal(pacedEndMs, 190_500); // ten-second breaths since the tap
  assert.equal(courseAt(schedule, UNTIL, UNTIL + 1).stage, "paced");
  assert.equal(courseAt(schedule, UNTIL, 199_000, 198_900).stage, "paced");
  assert.equal(courseAt(schedule, UNTIL, 200_500, 198_900).stage, "free");
});

// facts/domain.md I.2
test("over twenty minutes the breath stays with the clock, whatever the page goes through", () => {
  // This computer's clock, and a session clock that is 123.4 s ahead of it; the offset
  // is measured anew every 20 s, with an error of up to ±2 ms, as over Wi-Fi.
  const truth = 123_400;
  let clock: ClockState | null = null;
  let seed = 7;
  const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  let worst = 0;
  let looked = 0;
  for (let localMs = 0; localMs <= 20 * 60_000; ) {
    if (Math.floor(localMs / 20_000) !== Math.floor((localMs - 400) / 20_000)) {
      clock = adjust(clock, truth + (random() - 0.5) * 4, localMs);
    }
    assert.ok(clock);
    const shown = stateAt([six], sessionMs(clock, localMs));
    const exact = stateAt([six], truth + localMs);
    assert.ok(shown && exact);
    worst = Math.max(worst, Math.abs(sessionMs(clock, localMs) - (truth + localMs)));
    if (shown.breath === exact.breath) assert.equal(shown.breath_start_ms, exact.breath_start_ms);
    looked += 1;
    // A timer each 250 ms; once a second in a hidden tab; and five minutes of sleep.
    localMs += localMs === 400_000 ? 300_000 : localMs > 800_000 ? 1_000 : 250;
  }
  assert.ok(looked > 1500);
  assert.ok(worst < 10, `${worst} ms off`);
});

test("a page that was asleep is right at the first look", () => {
  const clock = adjust(null, 1_000, 0);
  const awake = stateAt([six], sessionMs(clock, 3_723_456));
  assert.deepEqual(awake, stateAt([six], 3_724_456));
});
