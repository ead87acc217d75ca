import assert from "node:assert/strict";
import { test } from "node:test";
import { pause } from "../src/again.ts";

test("pages that lose a node in one moment come again one by one, and less and less often", () => {
  const first = Array.from({ length: 200 }, () => pause(0));
  assert.ok(first.every((ms) => ms >= 150 && ms < 450));
  assert.ok(new Set(first).size > 100);
  assert.ok([3, 4, 50].every((tries) => pause(tries) >= 1500 && pause(tries) < 7500));
});
