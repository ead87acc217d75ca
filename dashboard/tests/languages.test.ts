import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ApiProblem } from "../src/api.ts";
import { useWords } from "../src/copy.ts";
import { languageCode } from "../src/language.ts";
import { de } from "../src/languages/de.ts";
import { en } from "../src/languages/en.ts";
import { de as laterDe } from "../src/languages/later/de.ts";
import { en as laterEn } from "../src/languages/later/en.ts";
import { paceWords, problemWords, serviceSays, whenWords } from "../src/words.ts";

/** What the service says itself, in English: only other languages have words for it. */
const { serviceWords: none, ...english } = en;
const { serviceWords: service, ...german } = de;

/** Words that are the same in both languages. */
const SAME: ReadonlySet<string> = new Set(["Biofeedback", "ms", "1 s", "–", "", "Vibration", "Name", "Pause", "Passkeys"]);
/** Names and numbers, which are of no language. */
const DATA = /\/(type|call|emergency|code)$/;

/** Every leaf, by its path: what it is, and how many arguments it takes. */
function leaves(value: unknown, path = ""): [string, unknown][] {
  if (value === null || typeof value !== "object") return [[path, value]];
  return Object.entries(value).flatMap(([key, part]) => leaves(part, `${path}/${key}`));
}

function kind(leaf: unknown): string {
  return typeof leaf === "function" ? `of ${leaf.length}` : typeof leaf;
}

const ours = new Map(leaves({ ...german, later: laterDe }));
const theirs = new Map(leaves({ ...english, later: laterEn }));

test("every language has the same keys, lengths and arguments", () => {
  const shape = (of: ReadonlyMap<string, unknown>): string[] =>
    [...of].map(([path, leaf]) => `${path}: ${kind(leaf)}`).sort();
  assert.deepEqual(shape(ours), shape(theirs));
});

test("help has the same numbers in every language, and says them as they are dialled", () => {
  const numbers = [...theirs].filter(([path, leaf]) => typeof leaf !== "function" && /\/(call|emergency|from|to|type)$/.test(path));
  assert.ok(numbers.length > 30);
  for (const [path, leaf] of numbers) assert.equal(ours.get(path), leaf, path);
  for (const { lines } of Object.values(de.copy.crisis.countries)) {
    for (const { what, call } of lines) assert.ok(what.replace(/[\s-]/g, "").includes(call), what);
  }
});

/** A leaf with values, so that words around them are seen as well. */
function said(leaf: unknown): string {
  return typeof leaf === "function" ? String((leaf as (...a: unknown[]) => unknown)(2, 3)) : String(leaf);
}

test("nothing is left in English", () => {
  for (const [path, leaf] of ours) {
    if (typeof leaf === "number" || DATA.test(path)) continue;
    assert.ok(leaf !== theirs.get(path) || SAME.has(String(leaf)), `${path}: ${said(leaf)}`);
    assert.doesNotMatch(said(leaf), /\b(the|your|you|of|with|for|not|and)\b/i, path);
  }
});

test("one is singular in German", () => {
  const c = de.copy;
  assert.equal(c.done.lower(1), "1 Punkt niedriger");
  assert.equal(c.done.higher(2), "2 Punkte höher");
  assert.equal(c.practice.left(1), "Noch etwa 1 Minute");
  assert.equal(c.start.found(2), "2 Gurte gefunden.");
  assert.equal(laterDe.assess.range("5.1", "6.2").includes("5,1 und 6,2"), true);
});

/** The members of an enumeration of the service. */
function members(file: string, name: string): string[] {
  const source = readFileSync(`../src/biofeedback/${file}`, "utf8");
  const body = source.split(`class ${name}(StrEnum):`)[1]?.split(/\n(?=\S)/)[0] ?? "";
  return [...body.matchAll(/^    [A-Z_]+ = "([^"]+)"/gm)].map(([, value]) => value ?? "");
}

test("German has words for every reason the service gives", () => {
  const reasons = [...members("model/straps.py", "LinkReason"), ...members("signal/activation.py", "Abstention")];
  assert.ok(reasons.length >= 27);
  for (const reason of reasons) assert.ok(service[reason], reason);
  assert.deepEqual(none, {});
});

test("what the service says is told in German where it is known, else as it was said", () => {
  const no = (status: number, reason: string | null): ApiProblem =>
    new ApiProblem({ status, detail: "It is held.", reason, advice: "Let it go." });
  useWords(de);
  assert.equal(problemWords(no(503, "busy")).words, service["busy"]);
  assert.deepEqual(problemWords(no(409, "saving")), { words: service["409"], advice: "" });
  assert.deepEqual(problemWords(no(418, null)), { words: "It is held.", advice: "Let it go." });
  assert.equal(serviceSays("something new", "As it was said."), "As it was said.");
  assert.equal(paceWords(5.5), "5½ Atemzüge pro Minute");
  assert.match(whenWords("2026-11-03T14:05:00"), /3\. Nov\.?, 14:05$/);
  useWords(en);
  assert.deepEqual(problemWords(no(503, "busy")), { words: "It is held.", advice: "Let it go." });
});

test("the person's language counts, then the browser's, then English", () => {
  assert.equal(languageCode("", ["de-AT", "en"]), "de");
  assert.equal(languageCode("en", ["de-DE"]), "en");
  assert.equal(languageCode("", ["fr-FR"]), "en");
});
