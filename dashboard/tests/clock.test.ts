import assert from "node:assert/strict";
import { test } from "node:test";
import { adjust, type ClockSample, estimateOffsetMs, remember, sessionMs } from "../src/clock.ts";

function sample(sent: number, there: number, back: number, offset: number): ClockSample {
  return { sent_ms: sent, received_ms: sent + there + back, session_ms: sent + there + offset };
}

test("of ten pings the one with the shortest way there and back counts", () => {
  const offset = 5_000;
  let samples: readonly ClockSample[] = [];
  for (let i = 0; i < 9; i++) samples = remember(samples, sample(i * 60, 40 + i, 5, offset));
  samples = remember(samples, sample(600, 1, 1, offset));
  assert.equal(estimateOffsetMs(samples), offset);
});

test("the error is at most half of the shortest way", () => {
  const samples = [sample(0, 30, 2, -700), sample(100, 8, 2, -700), sample(200, 90, 9, -700)];
  assert.ok(Math.abs((estimateOffsetMs(samples) ?? NaN) + 700) <= 5);
});

test("only the newest ten are kept", () => {
  let samples: readonly ClockSample[] = [];
  for (let i = 0; i < 14; i++) samples = remember(samples, sample(i, 1, 1, 0));
  assert.equal(samples.length, 10);
  assert.equal(samples[0]?.sent_ms, 4);
});

test("nothing is known without an answer", () => {
  assert.equal(estimateOffsetMs([]), null);
});

test("a small correction is spread out and never jumps", () => {
  const first = adjust(null, 1_000, 0);
  const then = adjust(first, 1_050, 100);
  assert.equal(sessionMs(then, 100), 1_100);
  let last = sessionMs(then, 100);
  for (let now = 110; now < 5_000; now += 10) {
    const value = sessionMs(then, now);
    assert.ok(Math.abs(value - last - 10) <= 0.3, `jump at ${now}`);
    last = value;
  }
  assert.equal(sessionMs(then, 5_000), 6_050);
});

test("after sleep the new time is taken over at once", () => {
  const slept = adjust(adjust(null, 0, 0), 60_000, 1_000);
  assert.equal(sessionMs(slept, 1_000), 61_000);
});

test("a replay at another speed has a clock of that speed", () => {
  const offset = estimateOffsetMs([{ sent_ms: 100, received_ms: 100, session_ms: 900 }], 4);
  assert.equal(offset, 500);
  const state = adjust(null, offset ?? NaN, 100, 4);
  assert.equal(sessionMs(state, 200), 1_300);
});
