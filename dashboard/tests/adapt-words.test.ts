import assert from "node:assert/strict";
import { test } from "node:test";
import "./english.ts";
import { adaptWords } from "../src/adapt-words.ts";
import { copy } from "../src/copy.ts";
import type { Entry } from "../src/protocol.ts";

function told(fields: object, type = "adapt"): Entry {
  const text = JSON.stringify(fields);
  return { kind: "event", seq: 1, t_ms: 1, id: "adapt-0001", type, by: "system", value: 5.9, unit: null, text, moment: null };
}

test("the adaptive pacer says what it did, and nothing where it stayed", () => {
  for (const [fields, words] of [
    [{ reason: "on" }, copy.adapt.on],
    [{ reason: "off" }, ""],
    [{ reason: "stronger", from_bpm: 6, to_bpm: 5.9 }, copy.adapt.stronger],
    [{ reason: "trying", from_bpm: 6, to_bpm: 5.9 }, copy.adapt.trying],
    [{ reason: "alike", from_bpm: 5.7, to_bpm: 5.8 }, copy.adapt.back],
    [{ reason: "alike", from_bpm: 6, to_bpm: 6 }, ""],
    [{ reason: "not_followed", from_bpm: 6, to_bpm: 6 }, ""],
    [{ reason: "of a newer version", from_bpm: 6, to_bpm: 5.9 }, ""],
  ] as const) {
    assert.equal(adaptWords([told({ reason: "on" }), told(fields), told({}, "posture")]), words);
  }
  assert.equal(adaptWords([]), "");
  assert.equal(adaptWords([{ ...told({}), text: "{" }]), "");
});
