import assert from "node:assert/strict";
import { test } from "node:test";
import { BAR_PX, joins, type Stage, wiped, xAt, yAt } from "../src/sweep-geometry.ts";

const stage: Stage = { widthPx: 600, heightPx: 100, spanMs: 60_000 };

test("every instant has its fixed place, and a round later the same", () => {
  assert.equal(xAt(0, stage), 0);
  assert.equal(xAt(15_000, stage), 150);
  assert.equal(xAt(75_000, stage), 150);
  assert.equal(xAt(-15_000, stage), 450);
});

test("the range fills the height, less a margin", () => {
  const [low, high] = [yAt(50, [50, 90], stage), yAt(90, [50, 90], stage)];
  assert.ok(low > high && low < 100 && high > 0);
  assert.equal(yAt(70, [50, 90], stage), 50);
});

test("the bar wipes what the hand passed and a bit ahead", () => {
  assert.deepEqual(wiped(10_000, 11_000, stage), [[100, 10 + BAR_PX]]);
});

test("at the edge it goes on from the left", () => {
  const strips = wiped(59_500, 60_500, stage);
  assert.deepEqual(strips, [
    [595, 5],
    [0, 5 + BAR_PX],
  ]);
  assert.equal(strips.reduce((sum, [, width]) => sum + width, 0), 10 + BAR_PX);
});

test("after a long sleep all of it is wiped", () => {
  assert.deepEqual(wiped(0, 60_000, stage), [[0, 600]]);
  assert.deepEqual(wiped(0, 59_500, stage), [[0, 600]]);
});

test("no line leads across a gap or over the edge", () => {
  const at = (t_ms: number, joined = true) => ({ t_ms, hr_bpm: 60, joined });
  assert.equal(joins(at(1000), at(2000), stage), true);
  assert.equal(joins(at(1000), at(2000, false), stage), false);
  assert.equal(joins(at(59_900), at(60_700), stage), false);
  assert.equal(joins(undefined, at(2000), stage), false);
});
