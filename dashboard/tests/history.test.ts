import assert from "node:assert/strict";
import { test } from "node:test";
import "./english.ts";
import { copy } from "../src/copy.ts";
import { clockWords, dayWords, gapSentence, painSentence, pegSentence, pullSentence, sittingWords } from "../src/history-words.ts";
import type { HistoryWeek, Mean, Pair } from "../src/protocol.ts";
import { drawn, gapReach, outline, yOf } from "../src/week-lines.ts";

const none: Mean = { n: 0, mean: null, low: null, high: null };
const noPair: Pair = { before: none, after: none, change: none };

function mean(value: number, n = 4, half = 0.5): Mean {
  return { n, mean: value, low: value - half, high: value + half };
}

function week(over: Partial<HistoryWeek> = {}): HistoryWeek {
  return {
    monday: "2026-11-23",
    minutes: null,
    n_practices: 0,
    n_pauses: 0,
    gap: noPair,
    intensity: noPair,
    unpleasantness: noPair,
    craving: none,
    self_control: none,
    peg: null,
    ...over,
  };
}

test("the gap is told in whole points, with how sure that is", () => {
  const c = copy.history.gap;
  for (const [change, words] of [
    [none, c.none],
    [mean(-1.8), c.lower(2)],
    [mean(-2.2, 4, 3), `${c.lower(2)} ${c.unsure}`],
    [mean(0.9), c.higher(1)],
    [mean(-0.4), c.same],
    [{ n: 1, mean: -3, low: null, high: null }, `${c.lower(3)} ${c.few}`],
  ] as const) {
    assert.equal(gapSentence({ gap_change: change }), words);
  }
});

test("more pauses are told as neither good nor bad, and their number stays out of it", () => {
  const one = week({ n_pauses: 1, craving: mean(5), self_control: mean(6) });
  const many = week({ n_pauses: 60, craving: mean(5), self_control: mean(6) });
  assert.equal(pullSentence([one]), pullSentence([one, many]));
  assert.match(pullSentence([many]), /pull about 5, choice about 6\. More pauses are neither good nor bad\.$/);
  assert.equal(pullSentence([week({ n_pauses: 3 })]), "");
});

test("what is not known is said to be so, or not said", () => {
  const half = week({ intensity: { ...noPair, before: mean(6) } });
  assert.equal(painSentence([half, week()], "intensity"), copy.history.pain.latest("6", "not known"));
  assert.equal(painSentence([half], "unpleasantness"), "");
  assert.equal(pegSentence([week()]), "");
  assert.match(pegSentence([week({ peg: 5.67 })]), /about 6 of 10/);
});

test("a week without answers is a gap in the line, never a zero", () => {
  const frame = { width: 300, height: 176, low: -3, high: 3 };
  const { points, lines, shades } = drawn([mean(1), mean(2), none, mean(1, 2), mean(0)], frame);
  assert.equal(points.length, 4);
  assert.deepEqual(lines.map((line) => line.length), [2, 2]);
  // Two answers have no shade: nobody knows how sure they are.
  assert.deepEqual(shades.map((shade) => shade.length), [2, 1]);
  assert.equal(outline(shades[1] ?? []).split(" ").length, 4);
  assert.equal(yOf(0, frame), 88);
  assert.ok(yOf(99, frame) >= 0 && yOf(-99, frame) <= frame.height);
  assert.equal(drawn([none], frame).points.length, 0);
});

test("the axis reaches as far as the answers, and no doubt of two stretches it", () => {
  assert.equal(gapReach([]), 3);
  assert.equal(gapReach([mean(4), none]), 5);
  assert.equal(gapReach([mean(-9, 9, 5)]), 10);
  assert.equal(gapReach([mean(1, 2, 12)]), 3);
});

test("days and hours are those of where the person was", () => {
  assert.equal(dayWords("2026-11-26"), "Thursday 26 November");
  assert.equal(clockWords("2026-11-26T23:05:00-05:00"), "23:05");
  const sitting = { session: "a", started_at: "", practice: null, minutes: 3, simulated: false, symptom: false, gap_before: null, gap_after: null };
  assert.equal(sittingWords(sitting, () => undefined), "Breathing, about 3 minutes");
  assert.equal(sittingWords({ ...sitting, practice: "unheard_of" }, () => undefined), "Practice, about 3 minutes");
});
