import assert from "node:assert/strict";
import { test } from "node:test";
import "./english.ts";
import { after, before } from "../src/parts/setting.ts";
import { Preferences, read, wanted } from "../src/preferences.ts";
import { halves, splitSeconds, volumeWords } from "../src/setting-words.ts";

function kept(items: Readonly<Record<string, string>>): Pick<Storage, "getItem"> {
  return { getItem: (key) => items[key] ?? null };
}

test("the length that the first version kept is taken over", () => {
  assert.equal(new Preferences(read(kept({ "biofeedback.minutes": "20" }))).get("minutes"), 20);
  assert.equal(new Preferences(read(kept({ "biofeedback.minutes": "7" }))).get("minutes"), 3);
  const both = kept({ "biofeedback.minutes": "20", "biofeedback.preferences": '{"minutes":10}' });
  assert.equal(new Preferences(read(both)).get("minutes"), 10);
});

test("what does not fit is as if never chosen, and the rest stays", () => {
  const odd = { minutes: "ten", form: "spiral", tone: 7, heart: -1, rateBpm: 12, inhalePct: 5, posture: "lying", voice: null };
  const choices = new Preferences(odd);
  assert.equal(choices.get("minutes"), 3);
  assert.equal(choices.get("form"), "circle");
  assert.equal(choices.get("tone"), 1);
  assert.equal(choices.get("heart"), 0);
  assert.equal(choices.get("voice"), 0);
  assert.equal(choices.get("rateBpm"), 7);
  assert.equal(choices.get("inhalePct"), 30);
  assert.equal(choices.get("posture"), "lying");
  for (const damaged of ["{", "7", "[]", "null"]) {
    assert.equal(new Preferences(read(kept({ "biofeedback.preferences": damaged }))).get("rateBpm"), 6);
  }
});

test("eyes closed: what was silent is heard, and what was chosen stays", () => {
  const choices = new Preferences({ tone: 0.2 });
  choices.closeEyes(true);
  assert.equal(choices.get("eyesClosed"), true);
  assert.equal(choices.get("tone"), 0.2);
  for (const name of ["heart", "voice"] as const) assert.ok(choices.get(name) > 0, name);
  assert.equal(choices.get("vibrate"), true);
  choices.set("heart", 0);
  choices.closeEyes(false);
  assert.equal(choices.get("heart"), 0);
  assert.equal(choices.get("eyesClosed"), false);
});

test("a pacer that is only heard sounds, one that is only felt vibrates", () => {
  assert.ok(wanted(new Preferences({ form: "sound" })).tone > 0);
  assert.equal(wanted(new Preferences({ form: "vibration" })).vibrate, true);
  assert.deepEqual(wanted(new Preferences(null)), { tone: 0, heart: 0, vibrate: false });
});

test("steps go to the next whole one, also from between two", () => {
  assert.deepEqual([before(6, 0.5), after(6, 0.5)], [5.5, 6.5]);
  assert.deepEqual([before(5.3, 0.5), after(5.3, 0.5)], [5, 5.5]);
  assert.ok(Math.abs(after(0.3, 0.1) - 0.4) < 1e-9);
});

test("amounts are told in words, halves and whole seconds", () => {
  assert.deepEqual(splitSeconds(6, 40, 0), ["4", "6"]);
  assert.deepEqual(splitSeconds(5.5, 40, 1_000), ["4", "6"]);
  assert.deepEqual([0, 0.5, 1, 4.5].map(halves), ["0", "½", "1", "4½"]);
  assert.deepEqual([0, 0.05, 0.2, 0.5, 0.8, 1].map(volumeWords), ["Off", "Very soft", "Very soft", "Middle", "Loud", "Full"]);
});
