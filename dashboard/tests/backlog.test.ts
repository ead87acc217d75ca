import assert from "node:assert/strict";
import { test } from "node:test";
import { Backlog, encode } from "../src/backlog.ts";
import { backoffMs, LinkTrouble, type LinkTold, reasonOf, usualTiming } from "../src/browser-strap.ts";
import { choiceTrouble } from "../src/bluetooth.ts";

const beat = Uint8Array.of(0x10, 60, 0, 4);
const told: LinkTold = {
  state: "streaming",
  step: "streaming",
  reason: null,
  strap: { name: "Polar H10", model: "H10", manufacturer: null, firmware: null },
};

test("a notification travels as it came, with its number and its age", () => {
  const backlog = new Backlog();
  backlog.told(told, 0);
  const frame = encode(backlog.heard("heart_rate_measurement", beat, 1000), 1250.5);
  assert.ok(frame instanceof ArrayBuffer);
  const view = new DataView(frame);
  assert.deepEqual([view.getUint8(0), view.getUint8(1), view.getUint32(2, true)], [1, 1, 2]);
  assert.equal(view.getFloat64(6, true), 250.5);
  assert.deepEqual([...new Uint8Array(frame, 14)], [...beat]);
});

test("a change of the link is told in words", () => {
  const text = encode(new Backlog().told(told, 10), 10);
  assert.deepEqual(JSON.parse(text as string), { kind: "link", n: 1, age_ms: 0, ...told });
});

test("no age is below zero", () => {
  const text = encode(new Backlog().told(told, 20), 10);
  assert.equal((JSON.parse(text as string) as { age_ms: number }).age_ms, 0);
});

test("what the service has is kept no longer", () => {
  const backlog = new Backlog();
  for (let k = 0; k < 5; k++) backlog.heard("heart_rate_measurement", beat, k);
  backlog.have(3);
  assert.deepEqual(backlog.waiting.map((item) => item.n), [4, 5]);
  backlog.have(0);
  assert.equal(backlog.length, 2);
  backlog.have(9);
  assert.equal(backlog.length, 0);
  assert.equal(backlog.heard("battery_level", beat, 6).n, 6);
});

test("over an hour fits in, then the oldest goes", () => {
  const backlog = new Backlog();
  for (let k = 0; k < 5000; k++) backlog.heard("heart_rate_measurement", beat, k * 1000);
  assert.equal(backlog.length, 4096);
  assert.equal(backlog.waiting[0]?.n, 5000 - 4096 + 1);
});

test("failures have the reasons of every other radio", () => {
  const named = (name: string): unknown => new DOMException("", name);
  assert.equal(reasonOf(named("NetworkError"), "connecting"), "timeout");
  assert.equal(reasonOf(named("NetworkError"), "discovering"), "link_lost");
  assert.equal(reasonOf(named("NotFoundError"), "discovering"), "no_heart_rate");
  assert.equal(reasonOf(named("SecurityError"), "connecting"), "permission");
  assert.equal(reasonOf(new LinkTrouble("no_data"), "stale"), "no_data");
  assert.equal(reasonOf(new TypeError("?"), "subscribing"), "internal");
  assert.equal(reasonOf(undefined, "subscribing"), "internal");
});

test("waits grow from half a second to half a minute, never in step", () => {
  const { backoffMs: waits } = usualTiming;
  assert.deepEqual([0, 1, 6, 60].map((n) => backoffMs(n, waits, 1)), [500, 1000, 30_000, 30_000]);
  assert.equal(backoffMs(0, waits, 0), 250);
});

test("closing the browser's list is no trouble", () => {
  assert.equal(choiceTrouble(new DOMException("", "NotFoundError")), null);
  assert.equal(choiceTrouble(new DOMException("", "SecurityError")), "refused");
  assert.equal(choiceTrouble(new Error("?")), "failed");
});
