import assert from "node:assert/strict";
import { test } from "node:test";
import "./english.ts";
import { assessWalk, DONE } from "../src/assess-walk.ts";
import { chanceWord, resultSentence } from "../src/assess-words.ts";
import type { AssessPart } from "../src/protocol.ts";

const rest = (begins_s: number): AssessPart => ({ kind: "rest", text: "resonance/rest", begins_s, lasts_s: 60, paces: [] });
const step = (rate: number, begins_s: number): AssessPart => ({
  ...{ kind: "step", text: `resonance/${rate}`, begins_s, lasts_s: 120 },
  paces: [{ at_s: 0, rate_bpm: rate }],
});
const parts = [rest(0), step(6.5, 60), rest(180), step(6, 240)];
const marks = (...texts: string[]): { text: string; atMs: number }[] =>
  texts.map((text, k) => ({ text, atMs: 1000 * (k + 1) }));

test("an assessment goes on by its marks alone, so a reload finds its way", () => {
  assert.deepEqual(assessWalk(parts, []), { state: "before" });
  assert.deepEqual(assessWalk(parts, marks("practice", "body_scan/feet")), { state: "before" });
  const first = assessWalk(parts, marks("resonance/rest"));
  assert.ok(first.state === "under_way");
  assert.deepEqual([first.part, first.next, first.dueMs], [parts[0], parts[1], 61_000]);
  const second = assessWalk(parts, marks("resonance/rest", "resonance/6.5"));
  assert.ok(second.state === "under_way");
  assert.deepEqual([second.part, second.next?.kind, second.dueMs], [parts[1], "rest", 122_000]);
  const last = assessWalk(parts, marks("resonance/rest", "resonance/6.5", "resonance/rest", "resonance/6"));
  assert.ok(last.state === "under_way");
  assert.equal(last.next, null);
  assert.deepEqual(assessWalk(parts, marks("resonance/rest", DONE)), { state: "done" });
});

test("one step is repeated alone, after a rest, and ends there", () => {
  const resting = marks("resonance/rest", "resonance/6.5", DONE, "resonance/rest");
  const now = assessWalk(parts, resting, "resonance/6.5");
  assert.ok(now.state === "under_way");
  assert.deepEqual([now.part.kind, now.next?.text, now.again], ["rest", "resonance/6.5", true]);
  assert.deepEqual(assessWalk(parts, resting), { state: "done" }, "nobody knows which one");
  const again = assessWalk(parts, marks("resonance/rest", "resonance/6.5", DONE, "resonance/rest", "resonance/6.5"));
  assert.ok(again.state === "under_way");
  assert.deepEqual([again.part.text, again.next], ["resonance/6.5", null]);
});

test("a result is one plain sentence, as sure as it is", () => {
  const found = (probability: number): Parameters<typeof resultSentence>[0] => ({
    status: "complete",
    estimate: { rate_bpm: 5.5, probability, estimate_bpm: 5.6, low_bpm: 5.3, high_bpm: 5.9, at_edge: false },
  });
  assert.equal(resultSentence(found(0.9)), "Your heart answered most at 5½ breaths a minute.");
  assert.match(resultSentence(found(0.6)), /likely/);
  assert.match(resultSentence(found(0.4)), /No one pace/);
  assert.match(resultSentence({ status: "incomplete", estimate: null }), /Too few/);
  assert.match(resultSentence({ status: "unreliable", estimate: null }), /not a finding/);
  assert.deepEqual([0, 0.1, 0.3, 0.6, 0.9].map(chanceWord), ["very unlikely", "unlikely", "may be", "likely", "very likely"]);
});
