import assert from "node:assert/strict";
import { test } from "node:test";
import "./english.ts";
import { asked } from "../src/asked.ts";
import { copy, questions } from "../src/copy.ts";
import type { Activation, ActivationBand } from "../src/protocol.ts";
import { Announcer } from "../src/throttle.ts";
import { activationDetail, besideFelt, changeWords, gapWords, nextPace, paceWords, signalWords, steadyWords, timeLeft } from "../src/words.ts";

test("changes are told in points, with the share only where the core gives one", () => {
  assert.equal(changeWords(-2, -200 / 7), "2 points lower (29 %)"); // I.12
  assert.equal(changeWords(-3, -30), "3 points lower (30 %)");
  assert.equal(changeWords(-2), "2 points lower");
  assert.equal(changeWords(1), "1 point higher");
  assert.equal(changeWords(0, 0), "the same");
  assert.match(copy.done.bands.below_30, /below the 30 % mark/i);
  assert.match(copy.done.bands.moderate, /moderate/);
});

test("the gap between hurt and bother is told only when it is known", () => {
  assert.equal(gapWords({ before: 1, after: null, change: null }), null);
  const gap = gapWords({ before: 1, after: -2, change: -3 });
  assert.equal(gap?.change, "3 points lower");
  assert.equal(
    gap?.detail,
    "Before, it was 1 point more unpleasant than strong. After, 2 points less unpleasant than strong.",
  );
});

test("craving and mood are asked only of those who want that", () => {
  const types = (...wanted: string[]): string[] =>
    asked((name) => wanted.includes(name)).map((question) => question.type);
  assert.deepEqual(types(), ["pain_intensity", "pain_unpleasantness", "arousal"]);
  assert.deepEqual(types("askCraving").slice(3), ["craving", "self_control"]);
  assert.deepEqual(types("askCraving", "askMood").slice(3), ["craving", "self_control", "mood"]);
});

test("each scale has a word at both ends and in the middle", () => {
  for (const { type, low, high, words, from, to } of questions) {
    assert.deepEqual([from, to], type === "arousal" ? [1, 9] : [0, 10]);
    assert.ok(low && high && words?.[5], type);
  }
});

test("the pace moves by halves and stays within its limits", () => {
  assert.equal(nextPace(6, -0.5), 5.5);
  assert.equal(nextPace(4.5, -0.5), 4.5);
  assert.equal(nextPace(7, 0.5), 7);
  assert.equal(paceWords(5.5), "5½ breaths a minute");
  assert.equal(paceWords(6), "6 breaths a minute");
});

test("what is unknown is said to be so", () => {
  assert.equal(steadyWords(null), copy.done.noSignal);
  assert.equal(signalWords(null), copy.start.known);
  assert.equal(timeLeft(0), copy.practice.left(0));
  assert.equal(timeLeft(420_000), "About 7 minutes left");
});

function body(band: ActivationBand, confidence = 0.9): Activation {
  return { band, low: -1, high: 1, confidence, baseline_s: 120 };
}

// The same table as in `tests/unit/test_signal_activation.py`.
test("body and feeling stand side by side, and neither is an error", () => {
  const { alike, calmer, stirred } = copy.body;
  for (const [band, felt, words] of [
    ["lower", 1, alike],
    ["lower", 5, calmer],
    ["lower", 9, calmer],
    ["usual", 3, stirred],
    ["usual", 4, alike],
    ["usual", 6, alike],
    ["usual", 7, calmer],
    ["higher", 2, stirred],
    ["higher", 7, alike],
  ] as const) {
    assert.equal(besideFelt(body(band), felt), words, `${band} beside ${felt}`);
  }
});

test("where body or feeling is not known, nothing is said of the two", () => {
  assert.equal(besideFelt(null, 5), "");
  assert.equal(besideFelt(body("higher"), null), "");
  assert.equal(besideFelt(body("usual", 0.49), 9), "");
});

test("an estimate says how sure it is, and how short its baseline", () => {
  assert.equal(copy.body.title, "Body activation (estimate)");
  assert.equal(activationDetail(body("usual")), "Fairly sure. Measured against 2 quiet minutes.");
  assert.match(activationDetail(body("usual", 0.6)), /^Not very sure\./);
});

test("a screen reader hears at most one sentence in fifteen seconds, the newest", () => {
  const announcer = new Announcer();
  announcer.want("a");
  assert.equal(announcer.take(0), "a");
  announcer.want("b");
  announcer.want("c");
  assert.equal(announcer.take(14_999), null);
  assert.equal(announcer.take(15_000), "c");
  assert.equal(announcer.take(60_000), null);
});
