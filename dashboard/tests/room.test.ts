import assert from "node:assert/strict";
import { test } from "node:test";
import type { PacerPart } from "../src/pacer.ts";
import type { Beat, Entry, Link, Metrics } from "../src/protocol.ts";
import { kept, markOf, marks, rebound, usualKeys } from "../src/room-keys.ts";
import { news } from "../src/room-news.ts";
import { Order, stepTo } from "../src/room-order.ts";
import { amplitude, type Listed, type Need, SILENT_MS, type Stream, Tile, type TileView } from "../src/room-tile.ts";
import { ownBreaths, paceNow, within } from "../src/room-paced.ts";
import { boundedRate, lines, proposed } from "../src/room-together.ts";
import { ratingLine, spokenTile, stateWords, summaryWords, usualEnds, withheldWords } from "../src/room-words.ts";

const ALL: readonly Stream[] = ["breathing", "heart", "notes", "ratings"];

function listed(over: Partial<Listed> = {}): Listed {
  return {
    session: "S1",
    person: "P1",
    alias: "Calm Heron",
    streams: ALL,
    sharing: "on",
    started_at: "2026-01-01T10:00:00Z",
    simulated: false,
    usual: { n: 5, rsa_bpm: 8, spread_bpm: 2 },
    hand: false,
    ...over,
  };
}

function link(state: Link["state"], t_ms = 0, step: Link["step"] = null): Link {
  return { kind: "link", seq: 1, t_ms, state, step, reason: null, advice: null, strap: null };
}

function beat(index: number, t_ms: number, label: Beat["label"] = "normal"): Beat {
  const nn_ms = label === "normal" ? 1000 : null;
  return { kind: "beat", seq: 1, t_ms, index, segment: 0, rr_ms: 1000, label, nn_ms, provisional: false };
}

function numbers(t_ms: number, artefact_pct = 0): Partial<Metrics> & Pick<Metrics, "kind" | "t_ms"> {
  const window = { coverage: 1, artefact_pct, hr_bpm: 60, rmssd_ms: 30, sdnn_ms: 40, pnn50_pct: 5 };
  return { kind: "metrics", t_ms, window_s: { 30: window, 60: window, 300: window }, rsa_bpm: 6, in_phase_pct: 80 };
}

function entry(type: string, over: Partial<Entry> = {}): Entry {
  return { kind: "event", seq: 1, t_ms: 0, id: type, type, by: "person", value: null, unit: null, text: null, moment: null, ...over };
}

/** A tile that streams, told up to `untilMs` of its session; here 1000 ms are ahead of it. */
function streaming(untilMs = 10_000, over: Partial<Listed> = {}): Tile {
  const tile = new Tile(listed(over));
  tile.take(link("streaming"), 1000);
  for (let t = 1000; t <= untilMs; t += 1000) {
    tile.take(beat(t / 1000, t), t + 1000);
    tile.take(numbers(t), t + 1000);
  }
  return tile;
}

test("a tile says how the link stands, from the first word to the first beat", () => {
  const tile = new Tile(listed());
  const standing = (localMs = 1000): string => tile.view(localMs).standing;
  assert.equal(standing(), "unknown");
  tile.take(link("searching"), 1000);
  assert.equal(standing(), "searching");
  tile.take(link("connecting", 100, "connecting"), 1100);
  assert.equal(standing(1100), "connecting");
  tile.take(link("connecting", 200, "discovering"), 1200);
  assert.equal(standing(1200), "services");
  tile.take(link("streaming", 300), 1300);
  assert.equal(standing(1300), "waiting");
  tile.take(beat(1, 900), 2000);
  assert.equal(standing(2000), "streaming");
  tile.take(link("contact_lost", 1500), 2500);
  assert.equal(standing(2500), "contact_lost");
});

test("after a lost link the beats of before do not count as streaming", () => {
  const tile = streaming();
  tile.take(link("reconnecting", 10_500), 11_500);
  tile.take(link("streaming", 11_000), 12_000);
  assert.equal(tile.view(12_000).standing, "waiting");
  tile.take(beat(11, 11_500), 12_500);
  assert.equal(tile.view(12_500).standing, "streaming");
});

test("no beats and no word are two things", () => {
  const tile = streaming(10_000);
  tile.take(numbers(17_000), 18_000);
  assert.equal(tile.view(18_000).standing, "stale");
  assert.equal(tile.view(18_000 + SILENT_MS + 1).standing, "silent");
  assert.equal(tile.view(18_000).need, "data");
});

test("while the past is still being told nothing is missing", () => {
  const tile = new Tile(listed());
  tile.take(link("streaming"), 90_000);
  tile.clock(60_000, 90_000);
  for (let t = 1000; t <= 20_000; t += 1000) {
    tile.take(beat(t / 1000, t), 90_000);
    tile.take(numbers(t), 90_000);
  }
  assert.equal(tile.view(90_000).standing, "streaming");
  assert.equal(tile.view(90_000).sinceBeatS, 40);
});

test("the session's clock follows the message with the shortest way, and the service's word", () => {
  const tile = new Tile(listed());
  assert.equal(tile.nowMs(5000), null);
  tile.take(numbers(1000), 2500);
  tile.take(numbers(2000), 3200);
  tile.take(numbers(3000), 4900);
  assert.equal(tile.nowMs(5000), 3800);
  tile.clock(4000, 5000);
  assert.equal(tile.nowMs(5000), 4000);
  tile.again();
  assert.equal(tile.nowMs(5000), null);
});

test("what is not shared is not shown, and what was shown is forgotten", () => {
  const tile = streaming(10_000);
  tile.take(entry("pain_intensity", { value: 4, t_ms: 9_000 }), 11_000);
  assert.equal(tile.view(11_000).rating?.value, 4);
  tile.list(listed({ streams: ["breathing"] }));
  const view = tile.view(11_000);
  assert.deepEqual([view.standing, view.hrBpm, view.sinceBeatS, view.artefactPct, view.rating], ["withheld", null, null, null, null]);
  assert.equal(tile.beats.length, 0);
  tile.take({ kind: "metrics", t_ms: 11_000, in_phase_pct: 55 }, 12_000);
  assert.equal(tile.view(12_000).inPhasePct, 55);
});

test("a pause is the person's own choice and no trouble", () => {
  const tile = streaming(10_000);
  tile.list(listed({ sharing: "paused" }));
  const view = tile.view(60_000);
  assert.deepEqual([view.standing, view.need, view.hrBpm, view.inPhasePct], ["paused", "none", null, null]);
});

test("a hand goes up and down by its events and by the list", () => {
  const tile = streaming();
  tile.take(entry("hand", { text: "up" }), 11_000);
  assert.deepEqual([tile.view(11_000).hand, tile.view(11_000).need], [true, "hand"]);
  tile.take(entry("hand", { text: "down" }), 11_000);
  assert.equal(tile.view(11_000).need, "none");
  tile.list(listed({ hand: true }));
  assert.equal(tile.view(11_000).hand, true);
});

test("data that are unclear come before a raised hand", () => {
  const tile = streaming(10_000, { hand: true });
  tile.take(numbers(10_000, 5), 11_000);
  assert.equal(tile.view(11_000).need, "hand");
  tile.take(numbers(10_500, 5.1), 11_500);
  assert.equal(tile.view(11_500).need, "data");
});

test("a beat that is judged anew draws the curve anew", () => {
  const tile = streaming(5_000);
  const [n, judged] = [tile.nBeats, tile.nJudged];
  tile.take(beat(3, 3000, "artefact"), 6_000);
  assert.deepEqual([tile.nBeats, tile.nJudged], [n, judged + 1]);
});

test("an amplitude is measured against the person's own usual alone", () => {
  const usual = { n: 5, rsa_bpm: 8, spread_bpm: 2 };
  assert.deepEqual(amplitude(8, usual), { now: 0.5, low: 0.375, high: 0.625 });
  assert.equal(amplitude(40, usual)?.now, 1);
  assert.equal(amplitude(8, null), null);
  assert.equal(amplitude(8, { n: 0, rsa_bpm: null, spread_bpm: null }), null);
  assert.equal(amplitude(null, usual), null);
});

// --- Order ------------------------------------------------------------------------

function seen(session: string, need: Need = "none", minute = 0): TileView {
  const view = streaming().view(11_000);
  const started_at = `2026-01-01T10:${String(minute).padStart(2, "0")}:00Z`;
  return { ...view, listed: listed({ session, alias: session, started_at }), need };
}

test("data first, then hands, then by when they began", () => {
  const order = new Order();
  const views = [seen("late", "none", 9), seen("hand", "hand", 5), seen("early", "none", 1), seen("data", "data", 7)];
  assert.deepEqual(order.arrange(views, 0, false), ["hand", "early", "data", "late"], "a strap is looked for first");
  assert.deepEqual(order.arrange(views, 4_000, false), ["data", "hand", "early", "late"]);
});

test("a trouble that passes moves nobody, and nobody moves twice in five seconds", () => {
  const order = new Order();
  const quiet = [seen("a", "none", 1), seen("b", "none", 2), seen("c", "none", 3)];
  const with_ = (...needs: Need[]): TileView[] => needs.map((need, i) => seen("abc"[i] ?? "", need, i + 1));
  order.arrange(quiet, 0, false);
  order.arrange(with_("none", "none", "data"), 1_000, false);
  assert.deepEqual(order.arrange(quiet, 2_000, false), ["a", "b", "c"]);
  order.arrange(with_("none", "none", "data"), 20_000, false);
  assert.deepEqual(order.arrange(with_("none", "none", "data"), 23_000, false), ["c", "a", "b"]);
  const hand = with_("none", "hand", "data");
  assert.deepEqual(order.arrange(hand, 24_000, false), ["c", "a", "b"]);
  assert.deepEqual(order.arrange(hand, 28_000, false), ["c", "b", "a"]);
  // Back again only once all has been well for a while.
  order.arrange(with_("none", "hand", "none"), 30_000, false);
  assert.deepEqual(order.arrange(with_("none", "hand", "none"), 39_000, false), ["c", "b", "a"]);
  assert.deepEqual(order.arrange(with_("none", "hand", "none"), 40_000, false), ["b", "a", "c"]);
});

test("while somebody points at a tile none moves; who leaves goes, who comes is last", () => {
  const order = new Order();
  order.arrange([seen("a", "none", 1), seen("b", "none", 2)], 0, false);
  const now = [seen("b", "hand", 2), seen("a", "none", 1), seen("new", "hand", 0)];
  assert.deepEqual(order.arrange(now, 60_000, true), ["a", "b", "new"]);
  assert.deepEqual(order.arrange([seen("b", "hand", 2), seen("new", "hand", 0)], 61_000, true), ["b", "new"]);
  assert.deepEqual(order.arrange([seen("b", "hand", 2), seen("new", "hand", 0)], 62_000, false), ["new", "b"]);
});

test("arrow keys go through the rows, and down into a short last row", () => {
  assert.equal(stepTo("ArrowRight", 0, 7, 3), 1);
  assert.equal(stepTo("ArrowLeft", 0, 7, 3), 0);
  assert.equal(stepTo("ArrowDown", 1, 7, 3), 4);
  assert.equal(stepTo("ArrowDown", 4, 7, 3), 6);
  assert.equal(stepTo("ArrowDown", 6, 7, 3), 6);
  assert.equal(stepTo("ArrowUp", 6, 7, 3), 3);
  assert.equal(stepTo("End", 0, 7, 3), 6);
  assert.equal(stepTo("Home", 5, 7, 3), 0);
  assert.equal(stepTo("x", 5, 7, 3), 5);
});

// --- Words and news ---------------------------------------------------------------

test("a tile can be heard: state, numbers with what is usual, the rating", () => {
  const tile = streaming(10_000, { hand: true });
  tile.take(entry("pain_unpleasantness", { value: 4, t_ms: 10_000 }), 11_000);
  const view = tile.view(11_900);
  assert.equal(
    spokenTile({ ...view, hrBpm: 66.4 }),
    "Streaming, Hand up, last beat 0 seconds ago, heart rate 66, RSA 6 beats a minute, usual 6 to 10, " +
      "in phase 80 per cent, artefacts 0 per cent, Pain unpleasantness 4, just now.",
  );
  assert.equal(stateWords({ ...view, sinceBeatS: 75, standing: "stale" }), "No beats come, beat 1 min 15 s ago");
});

test("the room is summed up by counts alone", () => {
  assert.equal(summaryWords([seen("a")]), "1 person shares now");
  const views = [seen("a", "data"), { ...seen("b", "hand"), hand: true }, { ...seen("c"), standing: "paused" as const }];
  assert.equal(summaryWords(views), "3 people share now · 1 with data to look at · 1 hand up · 1 paused");
});

test("news are hands, lost data and people, not every change", () => {
  const before = [seen("a"), seen("b"), seen("gone")];
  const now: TileView[] = [
    { ...seen("a"), hand: true },
    { ...seen("b"), standing: "contact_lost" },
    { ...seen("new"), standing: "searching" },
  ];
  assert.deepEqual(news(before, now).map((one) => `${one.alias} ${one.what}`), ["a hand", "b trouble", "new came", "gone left"]);
  assert.deepEqual(news(now, [{ ...seen("a"), hand: true }, seen("b"), seen("new")]).map((one) => one.what), ["back"]);
  const searching: TileView = { ...seen("a"), standing: "searching" };
  assert.deepEqual(news([searching], [{ ...searching, standing: "waiting" }]), []);
});

// --- Together ---------------------------------------------------------------------

test("a proposal waits for a minute, and then the person's own pace holds", () => {
  const asked = entry("pacer_proposed", { id: "X", value: 5.5, t_ms: 1000, text: '{"inhale_pct":40}' });
  assert.equal(proposed([], 0), null);
  assert.deepEqual(proposed([asked], 2000), {
    id: "X",
    by: "person",
    rateBpm: 5.5,
    inhalePct: 40,
    answer: "waiting",
    leftMs: 59_000,
  });
  assert.equal(proposed([asked], 61_000)?.answer, "lapsed");
  assert.equal(proposed([asked, entry("pacer_accepted", { text: "X" })], 90_000)?.answer, "accepted");
  assert.equal(proposed([asked, entry("pacer_declined", { text: "X" })], 2000)?.answer, "declined");
  const newer = entry("pacer_proposed", { id: "Y", value: 6, t_ms: 5000, text: "damaged" });
  assert.deepEqual(
    [proposed([asked, newer, entry("pacer_accepted", { text: "X" })], 6000)].map((p) => [p?.id, p?.answer, p?.inhalePct]),
    [["Y", "waiting", null]],
  );
});

test("a pace stays within its bounds, on tenths", () => {
  assert.deepEqual([3, 4, 5.46, 12.5, NaN].map(boundedRate), [4, 4, 5.5, 12, 6]);
});

test("a mark that was taken back is listed no more", () => {
  const all = [entry("cough", { id: "1" }), entry("talking", { id: "2" }), entry("correction", { id: "3", text: "1" })];
  assert.deepEqual(lines(all).map((e) => e.id), ["2"]);
});

// --- Keys -------------------------------------------------------------------------

test("one key makes one mark, in either case, and none while they are off", () => {
  assert.deepEqual(marks.map((mark) => markOf(usualKeys.of[mark], usualKeys)), [...marks]);
  assert.equal(markOf("P", usualKeys), "posture_change");
  assert.equal(markOf("Enter", usualKeys), null);
  assert.equal(markOf("p", { ...usualKeys, on: false }), null);
});

test("a key can be given away; whoever had it takes the old one", () => {
  const keys = rebound(usualKeys, "cough", "T");
  assert.deepEqual([keys.of.cough, keys.of.talking], ["t", "c"]);
  assert.equal(rebound(usualKeys, "cough", "?"), usualKeys);
  assert.equal(rebound(usualKeys, "cough", "F1"), usualKeys);
});

test("what was kept of the keys is used where it fits", () => {
  assert.deepEqual(kept(null), usualKeys);
  assert.deepEqual(kept("no JSON"), usualKeys);
  assert.deepEqual(kept(JSON.stringify({ on: false })), { ...usualKeys, on: false });
  assert.equal(kept(JSON.stringify({ on: true, of: { cough: "h" } })).of.cough, "h");
  assert.equal(kept(JSON.stringify({ of: { cough: "t" } })).of.cough, "c", "two marks cannot have one key");
});

test("the pace is the one that holds now, and a planned one is where it goes", () => {
  const part = (origin_ms: number, rate_bpm: number): PacerPart => ({
    ...{ origin_ms, rate_bpm, inhale_pct: 40, hold_in_ms: 0, hold_out_ms: 0, from_breath: 0 },
  });
  // Two steps down that were told at once, as a session was recorded.
  const schedule = [part(16_000, 7), part(51_000, 6.5), part(87_000, 6)];
  const at = (ms: number): unknown => {
    const now = paceNow(schedule, ms);
    return now && [now.part.rate_bpm, now.goalBpm];
  };
  assert.equal(at(10_000), null);
  assert.deepEqual(at(38_000), [7, 6]);
  assert.deepEqual(at(51_000), [6.5, 6]);
  assert.deepEqual(at(87_000), [6, null]);
  // Set anew at the same rate, as after "I lost it", it goes nowhere else.
  assert.equal(paceNow([part(0, 6), part(9_000, 6)], 5_000)?.goalBpm, null);
  assert.equal(paceNow([], 5_000), null);
});

test("who has come to own breaths follows no pace, until a practice goes on", () => {
  const phase = (text: string, at_ms: number): Entry => entry("phase", { text, t_ms: at_ms + 40, at_ms });
  const paced = [entry("arousal", { moment: "before", value: 3 }), phase("practice", 10_000)];
  assert.deepEqual(ownBreaths(paced), []);
  const own = [...paced, phase("practice/own_breaths", 190_000)];
  assert.deepEqual(ownBreaths(own), [[190_000, Infinity]]);
  assert.equal(within(ownBreaths(own), 189_999), false);
  assert.equal(within(ownBreaths(own), 190_000), true);
  assert.deepEqual(ownBreaths([...own, entry("mood", { moment: "after", t_ms: 200_000 })]), [[190_000, Infinity]]);
  assert.deepEqual(ownBreaths([...own, phase("practice/longer", 195_000)]), [[190_000, 195_000]]);
  assert.deepEqual(ownBreaths([...paced, entry("symptom", { text: "dizzy", t_ms: 20_000 })]), [[20_000, Infinity]]);
  const steps = [phase("resonance/6.5", 0), phase("resonance/rest", 100), phase("resonance/6", 200), phase("resonance/done", 300)];
  assert.deepEqual(ownBreaths(steps), [[100, 200], [300, Infinity]]);
});

test("a tile of somebody who breathes on their own says so and no in phase", () => {
  const tile = streaming();
  assert.equal(tile.view(11_000).inPhasePct, 80);
  tile.take(entry("phase", { text: "practice/own_breaths", t_ms: 10_500 }), 11_500);
  const view = tile.view(11_500);
  assert.equal(view.inPhasePct, null);
  assert.match(spokenTile(view), /Breathing on their own now/);
  tile.take(entry("phase", { text: "practice", t_ms: 11_000 }), 12_000);
  assert.equal(tile.view(12_000).own, false);
});

test("of fewer than three practices nothing is usual", () => {
  const one = { n: 1, rsa_bpm: 13, spread_bpm: 0 };
  assert.equal(usualEnds(one), null);
  assert.equal(amplitude(13, one), null);
  assert.equal(usualEnds({ n: 2, rsa_bpm: 13, spread_bpm: 1 }), null);
  assert.deepEqual(usualEnds({ n: 3, rsa_bpm: 13, spread_bpm: 1 }), ["12", "14"]);
  assert.match(spokenTile(streaming(10_000, { usual: one }).view(11_000)), /usual not known yet/);
});

test("a rating that may have been missed is a dash, and what is not shared is named", () => {
  const line = (tile: Tile): string => ratingLine(tile.view(11_000));
  const tile = streaming();
  assert.equal(line(tile), "No rating yet");
  tile.take(entry("pain_intensity", { value: 6, t_ms: 9_000 }), 11_000);
  assert.match(line(tile), /^Pain intensity 6/);
  tile.list(listed({ sharing: "paused" }));
  assert.equal(line(tile), "Rating –");
  tile.list(listed());
  assert.equal(line(tile), "Rating –");
  assert.equal(withheldWords(listed()), null);
  const some = listed({ streams: ["breathing", "heart"] });
  assert.equal(line(new Tile(some)), "Rating –");
  assert.equal(withheldWords(some), "Not shared: answers, what they write");
});
