import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { en } from "../src/languages/later/en.ts";

test("what is agreed to about copies is what the receipt's version names", () => {
  const texts = readFileSync("../src/biofeedback/service/consent_texts.py", "utf8");
  const current = /COPY_CURRENT = "(\d+)"/.exec(texts)?.[1];
  const version = texts.slice(texts.indexOf("COPY_TEXTS:"));
  const words = new RegExp(`"${current}": \\(([^]*?)\\n    \\),`).exec(version)?.[1];
  const sentences = [...(words ?? "").matchAll(/"([^"]+)",/g)].map((found) => found[1]);
  assert.deepEqual(sentences, en.clinic.what);
});
