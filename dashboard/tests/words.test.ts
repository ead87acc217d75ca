import assert from "node:assert/strict";
import { test } from "node:test";
import { copy, linkWords, phaseWords, questions } from "../src/copy.ts";
import type { Activation, ActivationBand, Moment, Rating, RatingType } from "../src/protocol.ts";
import { Announcer } from "../src/throttle.ts";
import { activationDetail, answersOf, besideFelt, changeWords, gapWords, nextPace, paceWords, signalWords, steadyWords, timeLeft } from "../src/words.ts";

function rating(type: RatingType, moment: Moment, value: number): Rating {
  return { type, moment, value, prompt: "", latency_ms: 0, device: "" };
}

test("changes are told in points, and zero is no division", () => {
  assert.equal(changeWords(7, 5), "2 points lower");
  assert.equal(changeWords(0, 1), "1 point higher");
  assert.equal(changeWords(4, 4), "the same");
});

test("the gap between hurt and bother is told only when all four are known", () => {
  const three = [
    rating("pain_intensity", "before", 6),
    rating("pain_unpleasantness", "before", 7),
    rating("pain_intensity", "after", 6),
  ];
  assert.equal(gapWords(answersOf(three)), null);
  const gap = gapWords(answersOf([...three, rating("pain_unpleasantness", "after", 4)]));
  assert.equal(gap?.change, "3 points lower");
  assert.equal(
    gap?.detail,
    "Before, it was 1 point more unpleasant than strong. After, 2 points less unpleasant than strong.",
  );
});

test("unanswered questions are left out", () => {
  const answers = answersOf([rating("arousal", "during", 3), rating("arousal", "during", 2)]);
  assert.equal(answers.length, 1);
  assert.deepEqual(answers[0]?.during, [3, 2]);
  assert.equal(answers[0]?.before, null);
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

// --- All sentences a person reads ------------------------------------------------

function sentences(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "function") {
    return [String((value as (...a: unknown[]) => unknown)(2, 3))];
  }
  if (value !== null && typeof value === "object") return Object.values(value).flatMap(sentences);
  return [];
}

const all = [copy, questions, linkWords, phaseWords]
  .flatMap(sentences)
  .flatMap((text) => text.split(/(?<=[.?])\s+/));

test("sentences are short and calm", () => {
  assert.ok(all.length > 100);
  for (const sentence of all) {
    assert.ok(sentence.split(/\s+/).length <= 15, `too long: ${sentence}`);
    assert.ok(!sentence.includes("!"), sentence);
  }
});

test("nothing speaks of doses, scores, streaks, failing or stress", () => {
  const never = /\b(dose|doses|mg|mme|addict|drug|score|streak|fail(ed)?|wrong|stress|lf\/hf|cure|heals?)\b/i;
  for (const sentence of all) assert.doesNotMatch(sentence, never);
});

// Flesch-Kincaid grade (Kincaid 1975), syllables counted as groups of vowels.
test("a sixth grader can read it all", () => {
  const words = all.flatMap((text) => text.match(/[a-z']+/gi) ?? []);
  const syllables = words.reduce((sum, word) => {
    const groups = word.toLowerCase().replace(/e$/, "").match(/[aeiouy]+/g);
    return sum + Math.max(1, groups?.length ?? 0);
  }, 0);
  const grade = 0.39 * (words.length / all.length) + 11.8 * (syllables / words.length) - 15.59;
  assert.ok(grade <= 6, `grade ${grade.toFixed(1)}`);
});
