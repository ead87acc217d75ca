import assert from "node:assert/strict";
import { test } from "node:test";
import { Unreachable } from "../src/api.ts";
import { Rest, TELL_EVERY_MS, WARN_AFTER_MS } from "../src/rest.ts";
import type { Me } from "../src/who.ts";

class Memory {
  readonly items = new Map<string, string>();
  getItem = (key: string): string | null => this.items.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.items.set(key, value);
  removeItem = (key: string): void => void this.items.delete(key);
  clear = (): void => this.items.clear();
}

const storage = new Memory();
Object.assign(globalThis, { localStorage: storage });

const { diaryBox } = await import("../src/diary-box.ts");
const { outbox } = await import("../src/outboxes.ts");
const { preferences } = await import("../src/preferences.ts");
const { drafts } = await import("../src/room-drafts.ts");
const { who } = await import("../src/who.ts");
const { makeOwn } = await import("../src/whose.ts");

/** A note and an answer that wait, and some choices. */
function begin(): void {
  diaryBox.note([{ occasion: "pause", type: "craving", value: 3 }]);
  outbox.add(() => Promise.reject(new Unreachable()));
  preferences.set("language", "de");
  preferences.set("minutes", 20);
  storage.setItem("biofeedback.contact", "somebody to call");
}

const left = (): readonly unknown[] => [
  diaryBox.pending,
  outbox.pending,
  preferences.get("minutes"),
  storage.getItem("biofeedback.contact"),
];

test("what waits goes out as nobody else's, whoever was here before", async () => {
  begin(); // one person alone, before there were accounts
  await makeOwn("A");
  assert.deepEqual(left(), [0, 0, 3, null]);
  assert.equal(preferences.get("language"), "de", "chosen at the door, perhaps just now");

  begin();
  await makeOwn("A"); // the same one again
  assert.deepEqual(left(), [1, 1, 20, "somebody to call"]);

  await makeOwn("B");
  assert.deepEqual(left(), [0, 0, 3, null]);
  assert.equal(preferences.get("language"), "");
});

test("a draft of a private note is shown to nobody else", () => {
  const as = (code: string): void => void (who.me = { code } as Me);
  as("T-AAAAAA");
  drafts.set("P1", "half a thought");
  assert.deepEqual([drafts.get("P1"), drafts.get("P2")], ["half a thought", ""]);
  as("T-BBBBBB");
  assert.equal(drafts.get("P1"), "");
  as("T-AAAAAA");
  assert.equal(drafts.get("P1"), "", "and it is gone");
});

test("who touches the page is told of at most once a minute, and warned in time", () => {
  const rest = new Rest(0);
  assert.equal(rest.touched(10), true);
  assert.equal(rest.touched(TELL_EVERY_MS), false);
  assert.equal(rest.touched(10 + TELL_EVERY_MS), true);
  const toldMs = 10 + TELL_EVERY_MS;
  assert.equal(rest.isLong(toldMs + WARN_AFTER_MS - 1), false);
  assert.equal(rest.isLong(toldMs + WARN_AFTER_MS), true);
  assert.ok(WARN_AFTER_MS <= 28 * 60_000, "two minutes are left at the least");
  assert.equal(rest.touched(toldMs + WARN_AFTER_MS + 1), true);
  assert.equal(rest.isLong(toldMs + WARN_AFTER_MS + 2), false);
});
