import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import "./english.ts";
import { copy } from "../src/copy.ts";
import { momentAt, nextChangeMs, timeline } from "../src/script.ts";
import type { Practice } from "../src/protocol.ts";

const FILES = "../src/biofeedback/practice/practice_files";
const practices = readdirSync(FILES).map((name): Practice => JSON.parse(readFileSync(`${FILES}/${name}`, "utf8")));

test("every practice has its sentences, and no others", () => {
  const scripts: Readonly<Record<string, { phases: Readonly<Record<string, readonly string[]>> }>> = copy.scripts;
  assert.deepEqual(Object.keys(scripts).sort(), practices.map((one) => one.id).sort());
  for (const { id, phases } of practices) {
    assert.deepEqual(
      Object.entries(scripts[id]!.phases).map(([phase, words]) => [phase, words.length]),
      phases.map((phase) => [phase.id, phase.sentences]),
    );
  }
});

test("phases fill the practice without a hole, at any length", () => {
  for (const practice of practices) {
    for (const minutes of [3, 7.5, 10, 20]) {
      const moments = timeline(practice, minutes);
      assert.equal(moments[0]?.startMs, 0);
      assert.equal(moments.at(-1)?.endMs, minutes * 60_000);
      moments.slice(1).forEach((one, i) => assert.equal(one.startMs, moments[i]?.endMs));
      for (const { startMs, endMs, sentencesMs } of moments) {
        assert.equal(sentencesMs[0], startMs);
        const ends = [...sentencesMs.slice(1), endMs];
        // Long enough to be read and said; never a silence that leaves one alone.
        sentencesMs.forEach((at, i) => assert.ok(ends[i]! - at >= 3500, `${practice.id} ${minutes}`));
        sentencesMs.slice(1).forEach((at, i) => assert.ok(at - sentencesMs[i]! <= 45_001));
      }
    }
  }
});

test("the same instants as in the core", () => {
  const scan = practices.find((one) => one.id === "body_scan")!;
  const moments = timeline(scan, 10);
  assert.deepEqual(moments.map((one) => one.startMs), [0, 42857, 128571, 214286, 300000, 385714, 471429, 514286]);
  assert.deepEqual(moments[1]?.sentencesMs, [42857, 71428, 100000]);
  assert.deepEqual(timeline(scan, 20)[1]?.sentencesMs, [85714, 130714, 175714]);
});

test("a sentence stands until the next one, and outside there is none", () => {
  const moments = timeline(practices.find((one) => one.id === "body_scan")!, 10);
  assert.equal(momentAt(moments, -1), null);
  assert.equal(momentAt(moments, 600_000), null);
  assert.equal(momentAt(moments, 71_427)?.sentence, 0);
  assert.equal(momentAt(moments, 71_428)?.sentence, 1);
  assert.equal(momentAt(moments, 128_571)?.moment.phase, "legs");
});

test("what is due next is known, to the millisecond, until the end", () => {
  const moments = timeline(practices.find((one) => one.id === "body_scan")!, 10);
  assert.equal(nextChangeMs(moments, -3000), 0);
  assert.equal(nextChangeMs(moments, 0), 14286);
  assert.equal(nextChangeMs(moments, 71_428), 100_000);
  assert.equal(nextChangeMs(moments, 599_999), 600_000);
  assert.equal(nextChangeMs(moments, 600_000), null);
});
