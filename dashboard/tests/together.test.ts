import assert from "node:assert/strict";
import { test } from "node:test";
import { allowed, byPerson, type Consent, lookKind, looksOfOthers, nameless } from "../src/consent.ts";
import type { PacerPart } from "../src/pacer.ts";
import { deviceName, fromBase64Url, toBase64Url } from "../src/passkey.ts";
import type { Entry } from "../src/protocol.ts";
import {
  betweenBreathsMs,
  goesMs,
  handIsUp,
  letters,
  openProposal,
  sharingSaid,
  shownLetters,
  watchersNow,
} from "../src/together.ts";

let n = 0;
function entry(type: string, text: string | null, more: Partial<Entry> = {}): Entry {
  n += 1;
  const none = { value: null, unit: null, moment: null };
  return { kind: "event", seq: n, t_ms: n * 1000, id: `e${n}`, by: "person", ...none, type, text, ...more };
}

const by = "T-7Q2M9K";
/** Six breaths a minute: 4 s in, 6 s out. */
const SIX: PacerPart = { origin_ms: 0, rate_bpm: 6, inhale_pct: 40, hold_in_ms: 0, hold_out_ms: 0, from_breath: 0 };

test("the last word on sharing counts, and no word is none", () => {
  assert.equal(sharingSaid([]), null);
  assert.equal(sharingSaid([entry("sharing", "on"), entry("note", "off")]), "on");
  assert.equal(sharingSaid([entry("sharing", "on"), entry("sharing", "paused")]), "paused");
});

test("who watches: those who came and did not go", () => {
  const came = [entry("watching", "on", { by }), entry("watching", "on", { by: "T-OTHER1" })];
  assert.deepEqual(watchersNow(came), [by, "T-OTHER1"]);
  assert.deepEqual(watchersNow([...came, entry("watching", "off", { by })]), ["T-OTHER1"]);
  assert.deepEqual(watchersNow([...came, entry("watching", "off", { by }), entry("watching", "on", { by })]), ["T-OTHER1", by]);
});

test("a hand is as it was put last", () => {
  assert.equal(handIsUp([]), false);
  assert.equal(handIsUp([entry("hand", "up")]), true);
  assert.equal(handIsUp([entry("hand", "up"), entry("hand", "down")]), false);
});

test("a proposal is open until it is answered, a newer one comes, or its minute is over", () => {
  const first = entry("pacer_proposed", "{}", { by, value: 5.5, t_ms: 10_000 });
  const second = entry("pacer_proposed", "{}", { by, value: 5, t_ms: 20_000 });
  assert.deepEqual(openProposal([first], 10_000), { id: first.id, by, rateBpm: 5.5, sinceMs: 10_000 });
  assert.equal(openProposal([first], 69_999)?.id, first.id);
  assert.equal(openProposal([first], 70_000), null);
  assert.equal(openProposal([first, second], 21_000)?.rateBpm, 5);
  assert.equal(openProposal([first, entry("pacer_declined", first.id)], 21_000), null);
  // An answer to the older one leaves the newer open; an answer to the newer opens no older.
  assert.equal(openProposal([first, second, entry("pacer_accepted", first.id)], 21_000)?.id, second.id);
  assert.equal(openProposal([first, second, entry("pacer_accepted", second.id)], 21_000), null);
});

test("messages are told in order, and which were on screen", () => {
  const one = entry("message", "Let the shoulders go.", { by });
  const other = entry("message", "You can stop any time.", { by });
  const told = [one, other, entry("message_shown", one.id)];
  assert.deepEqual(letters(told).map(({ text }) => text), ["Let the shoulders go.", "You can stop any time."]);
  assert.deepEqual([...shownLetters(told)], [one.id]);
});

test("between breaths is where the breath is out, and at once where none is paced", () => {
  assert.equal(betweenBreathsMs([], 1234), 1234);
  assert.equal(betweenBreathsMs([{ ...SIX, origin_ms: 5000 }], 1234), 1234, "before the first breath");
  assert.equal(betweenBreathsMs([SIX], 1), 10_000);
  assert.equal(betweenBreathsMs([SIX], 9_999), 10_000);
  assert.equal(betweenBreathsMs([SIX], 10_000), 10_000);
  // A rest after breathing out is between breaths already.
  const rests = { ...SIX, hold_out_ms: 2000 };
  assert.equal(betweenBreathsMs([rests], 3000), 8000);
  assert.equal(betweenBreathsMs([rests], 8500), 8500);
  // A new pace that begins in the middle ends the breath before it.
  assert.equal(betweenBreathsMs([SIX, { ...SIX, origin_ms: 12_000, from_breath: 1 }], 11_000), 12_000);
});

test("between breaths is never in the middle of one, at any pace and time", () => {
  for (const rate_bpm of [4, 4.5, 5.5, 6, 7, 12]) {
    for (const hold_out_ms of [0, 500, 2000]) {
      const part = { ...SIX, rate_bpm, hold_out_ms, origin_ms: 777 };
      for (let tMs = 777; tMs < 60_000; tMs += 331) {
        const due = betweenBreathsMs([part], tMs);
        const period = 60_000 / rate_bpm;
        assert.ok(due >= tMs && due - tMs <= period + 1e-6);
        const into = (due - 777) % period;
        const out = period - hold_out_ms;
        assert.ok(into >= out - 1e-6 || into < 1e-6, `${rate_bpm} ${hold_out_ms} ${tMs}: ${into}`);
      }
    }
  }
});

test("a message stays long enough to be read, and goes with a breath", () => {
  assert.equal(goesMs("Soft.", 0, [SIX]), 40_000);
  assert.equal(goesMs("x".repeat(200), 0, [SIX]), 60_000);
});

const kim = { account: "a1", code: by, display: "Dr. Kim", role: "therapist" } as const;
function consent(id: string, more: Partial<Consent>): Consent {
  return {
    id,
    receipt: "r1",
    account: kim,
    stream: "heart",
    purpose: "live",
    granted_at: "2026-11-26T10:00:00+00:00",
    expires_at: "2026-12-24T10:00:00+00:00",
    revoked_at: null,
    state: "active",
    ...more,
  };
}

test("consents are put together by receipt and purpose, their parts in one order", () => {
  const list = [
    consent("1", { stream: "notes" }),
    consent("2", { stream: "heart" }),
    consent("3", { purpose: "report" }),
    consent("4", { stream: "breathing", state: "revoked", revoked_at: "2026-11-27T10:00:00+00:00" }),
    consent("5", { receipt: "r2", account: { ...kim, account: "a2", display: "Dr. Lee" } }),
  ];
  const now = allowed(list, true);
  assert.deepEqual(now.map((one) => [one.purpose, one.streams]), [
    ["live", ["heart", "notes"]],
    ["live", ["heart"]],
    ["report", ["heart"]],
  ]);
  assert.deepEqual(byPerson(now).map((one) => one.length), [2, 1]);
  assert.deepEqual(allowed(list, false).map((one) => one.streams), [["breathing"]]);
});

test("what somebody did has a word, known or not", () => {
  assert.equal(lookKind("watch.begin"), "watch");
  assert.equal(lookKind("report"), "report");
  assert.equal(lookKind("notes.read"), "notesRead");
  assert.equal(lookKind("session.read"), "read");
  assert.equal(lookKind("people.list"), "list");
  assert.equal(lookKind("something.new"), "look");
  const look = { at: "2026-11-26T10:00:00Z", by: { code: by, display: "Dr. Kim", role: "therapist" }, outcome: "ok" } as const;
  const looks = [
    { ...look, action: "watch.end" },
    { ...look, action: "watch.begin" },
    { ...look, action: "report", outcome: "refused" as const },
    { ...look, action: "report", by: { code: null, display: "you", role: "patient" } },
    { ...look, action: "trend", by: { code: by, display: "a former therapist", role: "therapist" } },
    { ...look, action: "my_data.take", by: { code: null, display: "console", role: "console" } },
  ];
  const others = looksOfOthers(looks);
  assert.deepEqual(others.map(({ action }) => action), ["watch.begin", "trend", "my_data.take"]);
  assert.deepEqual(others.map((one) => nameless(one.by)), [null, "left", "desk"]);
  assert.deepEqual(others.map(({ action }) => lookKind(action)), ["watch", "report", "copy"]);
});

test("a passkey's bytes come and go unchanged", () => {
  const bytes = Uint8Array.from({ length: 65 }, (_, i) => (i * 37) % 256);
  const text = toBase64Url(bytes.buffer);
  assert.doesNotMatch(text, /[+/=]/);
  assert.deepEqual(fromBase64Url(text), bytes);
  assert.equal(deviceName("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"), "iPhone");
  assert.equal(deviceName("something"), "");
});
