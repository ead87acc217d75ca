import assert from "node:assert/strict";
import { test } from "node:test";
import "./english.ts";
import { Settled } from "../src/settled.ts";
import { linkSentence } from "../src/words.ts";

test("the first words are shown at once, others once they have lasted", () => {
  const words = new Settled<string>(1000);
  assert.equal(words.show("one", 0), "one");
  assert.equal(words.show("two", 100), "one");
  assert.equal(words.show("two", 1099), "one");
  assert.equal(words.show("two", 1100), "two");
});

test("what changes all the time shows nothing new", () => {
  const words = new Settled<string>(1000);
  words.show("calm", 0);
  for (let ms = 100; ms < 5000; ms += 300) assert.equal(words.show(`step ${ms}`, ms), "calm");
  assert.equal(words.show("step", 5000), "calm");
  assert.equal(words.show("step", 6000), "step");
});

test("what must not wait does not", () => {
  const words = new Settled<string>(1000);
  words.show("away", 0);
  assert.equal(words.show("back", 10, true), "back");
});

test("the link says what is being done about it", () => {
  assert.equal(linkSentence(null), "Getting ready.");
  assert.match(linkSentence({ state: "connecting", step: "subscribing" }), /first heartbeat/);
  assert.match(linkSentence({ state: "reconnecting", step: "connecting" }), /Connecting to it again/);
  assert.match(linkSentence({ state: "reconnecting", step: null }), /being found again/);
  assert.equal(linkSentence({ state: "stale", step: "stale" }), "Connected, but no heartbeat is coming.");
});
