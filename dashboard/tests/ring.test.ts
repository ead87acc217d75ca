import assert from "node:assert/strict";
import { test } from "node:test";
import { type BeatLike, BeatRing, heartRange } from "../src/ring.ts";

function beat(index: number, over: Partial<BeatLike> = {}): BeatLike {
  return { t_ms: index * 1000, index, segment: 0, label: "normal", nn_ms: 1000, ...over };
}

test("neighbours in one segment are joined", () => {
  const ring = new BeatRing();
  for (let i = 0; i < 4; i++) ring.push(beat(i));
  assert.deepEqual(ring.since(0).map((b) => b.joined), [false, true, true, true]);
  assert.equal(ring.since(0)[0]?.hr_bpm, 60);
});

test("the line breaks at a new segment and at a missing beat", () => {
  const ring = new BeatRing();
  ring.push(beat(0));
  ring.push(beat(1, { segment: 1 }));
  ring.push(beat(3, { segment: 1 }));
  assert.deepEqual(ring.since(0).map((b) => b.joined), [false, false, false]);
});

test("labelled beats are neither shown nor joined over", () => {
  const ring = new BeatRing();
  ring.push(beat(0));
  ring.push(beat(1, { label: "ectopic", nn_ms: null }));
  ring.push(beat(2));
  ring.push(beat(3));
  assert.deepEqual(
    ring.since(0).map((b) => [b.t_ms, b.joined]),
    [[0, false], [2000, false], [3000, true]],
  );
});

test("a beat that is sent again is taken once", () => {
  const ring = new BeatRing();
  ring.push(beat(0));
  ring.push(beat(1));
  ring.push(beat(1));
  assert.equal(ring.length, 2);
});

test("the oldest are dropped, and the window's first joins nothing", () => {
  const ring = new BeatRing(4);
  for (let i = 0; i < 10; i++) ring.push(beat(i));
  assert.deepEqual(ring.since(0).map((b) => b.t_ms), [6000, 7000, 8000, 9000]);
  assert.deepEqual(ring.since(8000).map((b) => b.joined), [false, true]);
});

test("an empty trace has no range; a flat one still gets twenty", () => {
  assert.equal(heartRange([]), null);
  const range = heartRange([{ t_ms: 0, hr_bpm: 62, joined: false }]);
  assert.ok(range && range[1] - range[0] >= 20 && range[0] < 62 && range[1] > 62);
});

test("a beat judged otherwise takes the place of what it was", () => {
  const ring = new BeatRing();
  for (let i = 0; i < 5; i++) ring.push(beat(i));
  ring.push(beat(2, { label: "extra", nn_ms: null }));
  assert.deepEqual(
    ring.since(0).map((b) => [b.t_ms, b.joined]),
    [[0, false], [1000, true], [3000, false], [4000, true]],
  );
  ring.push(beat(2));
  assert.deepEqual(ring.since(0).map((b) => b.joined), [false, true, true, true, true]);
  assert.equal(ring.length, 5);
});

test("a judgement of a beat that is not held any more changes nothing", () => {
  const ring = new BeatRing(3);
  for (let i = 0; i < 6; i++) ring.push(beat(i));
  const before = ring.since(0);
  ring.push(beat(1));
  assert.deepEqual(ring.since(0), before);
});
