import assert from "node:assert/strict";
import { test } from "node:test";
import "./english.ts";
import { copy } from "../src/copy.ts";
import type { PacerPart } from "../src/pacer.ts";
import { BeatRing } from "../src/ring.ts";
import { AudioClock } from "../src/sound/audio-clock.ts";
import { DELAY_MS, MIDDLE_HZ, notesOf } from "../src/sound/heartbeats.ts";
import { joinPlans, type Plan, planOf, points, STEP_MS } from "../src/sound/plan.ts";
import { FADE_MS, HIGH_HZ, LOW_HZ, toneAt } from "../src/sound/tone.ts";
import { Polite } from "../src/speech.ts";
import { Guide, type Standing } from "../src/spoken.ts";

const six: PacerPart = {
  origin_ms: 0,
  rate_bpm: 6,
  inhale_pct: 40,
  hold_in_ms: 0,
  hold_out_ms: 0,
  from_breath: 0,
};

/** The steepest fade is a whole level in 150 ms; what is heard of the pitch never jumps. */
function checkSmooth(plan: Plan, fromMs: number, toMs: number): void {
  let last = plan(fromMs);
  for (let t = fromMs + 1; t <= toMs; t++) {
    const next = plan(t);
    assert.ok(Math.abs(next.level - last.level) <= 1.02 / 150, `level at ${t}: ${last.level} → ${next.level}`);
    const heard = Math.max(next.level, last.level) > 0;
    assert.ok(!heard || Math.abs(next.hz / last.hz - 1) <= 0.002, `pitch at ${t}: ${last.hz} → ${next.hz}`);
    last = next;
  }
}

test("the tone rises for 4 s and falls for 6 s, and turns where the breath does", () => {
  assert.equal(toneAt([six], 0).hz, LOW_HZ);
  assert.ok(Math.abs(toneAt([six], 2_000).hz - Math.sqrt(LOW_HZ * HIGH_HZ)) < 1e-9);
  assert.ok(Math.abs(toneAt([six], 4_000).hz - HIGH_HZ) < 1e-9);
  assert.ok(Math.abs(toneAt([six], 7_000).hz - Math.sqrt(LOW_HZ * HIGH_HZ)) < 1e-9);
  for (let t = 0; t < 10_000; t += 10) {
    const rises = toneAt([six], t + 9).hz - toneAt([six], t + 1).hz;
    assert.ok(t < 4_000 ? rises > 0 : rises < 0, `at ${t}`);
  }
  checkSmooth(planOf([six], 1, 0), 0, 30_000);
});

test("a rest is silent, and the tone fades to it and from it", () => {
  const part = { ...six, hold_in_ms: 1_000, hold_out_ms: 2_000 }; // in 2.8 s, out 4.2 s
  for (const t of [2_801, 3_300, 3_799, 8_001, 9_000, 9_999]) assert.equal(toneAt([part], t).level, 0, `${t}`);
  for (const t of [2_800 - FADE_MS / 2, 3_800 + FADE_MS / 2]) {
    const level = toneAt([part], t).level;
    assert.ok(level > 0.4 && level < 0.6, `${t}: ${level}`);
  }
  checkSmooth(planOf([part], 1, 0), 0, 20_000);
});

test("a change of pace at the end of a breath is not heard as a step", () => {
  const changed = [six, { ...six, origin_ms: 20_000, rate_bpm: 5.5, from_breath: 2 }];
  const atMs = 13_000;
  const plan = joinPlans(planOf([six], 1, 0), planOf(changed, 1, 0), atMs);
  checkSmooth(plan, 0, 45_000);
  // Until the new pace begins nothing is any different.
  for (let t = atMs; t < 20_000; t += 100) assert.deepEqual(plan(t), toneAt([six], t));
  assert.deepEqual(plan(30_000), toneAt(changed, 30_000));
});

test("a breath that begins at a tap: fade out, move unheard, fade in", () => {
  const tapMs = 3_500; // lungs nearly full
  const joined = [six, { ...six, origin_ms: tapMs, from_breath: 1 }];
  const atMs = tapMs + 60;
  const plan = joinPlans(planOf([six], 1, 0), planOf(joined, 1, 0), atMs);
  checkSmooth(plan, 0, 20_000);
  assert.equal(plan(atMs + FADE_MS).level, 0);
  assert.deepEqual(plan(atMs + 500), toneAt(joined, atMs + 500));
  // The same cut, known beforehand: no ramp bends the pitch while it is heard.
  checkSmooth(planOf(joined, 1, 0), 0, 20_000);
  const ramps = points(planOf(joined, 1, 7), 0, 20_000);
  ramps.forEach((point, i) => {
    const last = ramps[i - 1] ?? point;
    const heard = Math.max(point.level, last.level) > 0;
    assert.ok(!heard || Math.abs(point.hz / last.hz - 1) < 0.02, `ramp to ${point.at_ms}`);
  });
});

test("the clock is put right without a step, and one that stands is silent", () => {
  for (const off of [25, 400, 3_000, -3_000]) {
    for (const atMs of [1_000, 2_000, 3_900, 6_000, 9_990]) {
      const plan = joinPlans(planOf([six], 1, 0), planOf([six], 1, off), atMs);
      checkSmooth(plan, atMs - 500, atMs + 3_000);
    }
  }
  assert.equal(planOf([six], 0, 0)(2_000).level, 0);
});

test("ramps lie on the clock's own grid, none twice, and follow the curve closely", () => {
  const plan = planOf([six], 1, 0);
  const first = points(plan, 0, 5_000);
  const more = points(plan, first.at(-1)?.at_ms ?? 0, 10_000);
  const all = [...first, ...more];
  assert.deepEqual(
    all.map((p) => p.at_ms),
    Array.from({ length: 250 }, (_, i) => (i + 1) * STEP_MS),
  );
  for (let i = 1; i < all.length; i++) {
    const [one, two] = [all[i - 1]!, all[i]!];
    const middle = plan((one.at_ms + two.at_ms) / 2).hz;
    assert.ok(Math.abs((one.hz + two.hz) / 2 / middle - 1) < 1e-3);
  }
});

test("twenty minutes on, the tone is where the breath is", () => {
  const late = 20 * 60_000;
  assert.equal(planOf([six], 1, 123.4)(late + 123.4 + 4_000).hz, toneAt([six], 4_000).hz);
});

test("the middle of the readings is the clock, whatever a single one says", () => {
  const clock = new AudioClock();
  assert.equal(clock.offsetMs, null);
  for (const jitter of [0, 3, -2, 80, 1, -60, 2]) clock.add({ audio_ms: 1_000 + jitter, page_ms: 400 });
  assert.equal(clock.offsetMs, 601);
  clock.clear();
  assert.equal(clock.offsetMs, null);
});

function heart(rates: readonly number[], labels: Readonly<Record<number, string>> = {}): BeatRing {
  const ring = new BeatRing();
  let t_ms = 0;
  rates.forEach((bpm, index) => {
    t_ms += 60_000 / bpm;
    ring.push({ t_ms, index, segment: 0, label: labels[index] ?? "normal", nn_ms: 60_000 / bpm });
  });
  return ring;
}

test("heartbeats keep their rhythm, all as late, and rise where the heart is faster", () => {
  const beats = heart([60, 60, 60, 66, 70, 60, 50]).since(0);
  const notes = notesOf(beats, 0);
  assert.equal(notes.length, 6); // the first joins nothing
  for (const note of notes) assert.ok(Math.abs(note.at_ms - note.beat_ms - DELAY_MS) < 1e-6);
  const [same, , faster, fastest, , slower] = notes;
  assert.equal(same?.hz, MIDDLE_HZ);
  assert.ok(MIDDLE_HZ < faster!.hz && faster!.hz < fastest!.hz && slower!.hz < MIDDLE_HZ);
  assert.deepEqual(notesOf(beats, notes[3]!.beat_ms), notes.slice(4), "none sounds twice");
});

test("beside a doubtful beat and without a signal the heart is quiet; no note is shrill", () => {
  const rates = [60, 60, 60, 60, 60, 60, 60, 190, 60];
  const notes = notesOf(heart(rates, { 3: "artefact" }).since(0), 0);
  // Missing: the first, the artefact, the one after it.
  assert.equal(notes.length, rates.length - 3);
  assert.ok(Math.max(...notes.map((n) => n.hz)) <= MIDDLE_HZ * 1.5);
  assert.deepEqual(notesOf([], 0), []);
});

const paced: Standing = { minutes: 10, leftMs: 600_000, stage: "paced", heart: true };

test("the voice begins, tells the half, the last minute, the free breaths and the end, once", () => {
  const said: string[] = [];
  const guide = new Guide((words) => said.push(words));
  for (let s = 0; s <= 640; s++) {
    const stage = s < 600 ? "paced" : s < 630 ? "free" : s < 636 ? "sign" : "over";
    guide.tick({ ...paced, leftMs: Math.max(0, 600_000 - s * 1000), stage }, s * 1000);
  }
  const { begin, half, last, free, end } = copy.spoken;
  assert.deepEqual(said, [begin, half, last, free, end]);
});

test("a strap that flickers is told at most once in fifteen seconds", () => {
  const said: { words: string; atMs: number }[] = [];
  let nowMs = 0;
  const guide = new Guide((words) => said.push({ words, atMs: nowMs }));
  for (; nowMs < 120_000; nowMs += 250) {
    guide.tick({ ...paced, minutes: 3, leftMs: 170_000, heart: nowMs % 8_000 < 3_000 }, nowMs);
  }
  const news = said.filter(({ words }) => words !== copy.spoken.begin);
  assert.ok(news.length >= 3);
  news.forEach((one, i) => assert.ok(i === 0 || one.atMs - news[i - 1]!.atMs >= 15_000));
  const polite = new Polite((words) => said.push({ words, atMs: 0 }));
  const before = said.length;
  polite.tell("a", 0);
  polite.tell("a", 60_000);
  assert.equal(said.length, before + 1, "the same news is told once");
});
