import assert from "node:assert/strict";
import { test } from "node:test";
import "./english.ts";
import { answerOf, type Seen } from "../src/answer.ts";
import { copy } from "../src/copy.ts";

const usual = { days: 7, n: 5, rsa_bpm: 8, spread_bpm: 1 };
const seen = (more: Partial<Seen> = {}): Seen => ({
  link: { state: "streaming" },
  metrics: { rsa_bpm: 8, phase_deg: 20, suitable: true },
  forMs: 120_000,
  usual,
  ...more,
});
const wave = (rsa_bpm: number | null, phase_deg: number | null = 20): Partial<Seen> => ({
  metrics: { rsa_bpm, phase_deg, suitable: true },
});

test("the heart is told beside the person's own week, never by itself", () => {
  assert.equal(answerOf(seen()), "usual");
  assert.equal(answerOf(seen(wave(9.9))), "usual");
  assert.equal(answerOf(seen(wave(10.1))), "wider");
  assert.equal(answerOf(seen(wave(5.9))), "quieter");
  // A restless week is a wide usual.
  assert.equal(answerOf(seen({ ...wave(12), usual: { ...usual, spread_bpm: 4 } })), "usual");
  // The same heart is quieter for one person and wider for another.
  assert.equal(answerOf(seen({ ...wave(5), usual: { ...usual, rsa_bpm: 3 } })), "wider");
});

test("in the first week only its shape is told", () => {
  for (const week of [null, { ...usual, n: 2 }, { days: 7, n: 0, rsa_bpm: null, spread_bpm: null }]) {
    assert.equal(answerOf(seen({ usual: week })), "rises");
    assert.equal(answerOf(seen({ ...wave(8, 120), usual: week })), "moves");
    assert.equal(answerOf(seen({ ...wave(8, null), usual: week })), "moves");
  }
});

test("before 64 s it listens, and it says so when it cannot know", () => {
  assert.equal(answerOf(seen({ forMs: 63_999 })), "listening");
  assert.equal(answerOf(seen({ forMs: 64_000 })), "usual");
  assert.equal(answerOf(seen({ link: null })), "listening");
  assert.equal(answerOf(seen({ metrics: null })), "listening");
  assert.equal(answerOf(seen(wave(null))), "listening");
  assert.equal(answerOf(seen({ metrics: { rsa_bpm: 8, phase_deg: 0, suitable: false } })), "unsuitable");
  assert.equal(answerOf(seen({ link: { state: "reconnecting" } })), "away");
});

test("no sentence of it holds a number or a judgement", () => {
  for (const words of Object.values(copy.answering)) {
    assert.doesNotMatch(words, /\d|good|better|worse|bad|well done|great|poor|fail/i);
  }
});
