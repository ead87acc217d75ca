import assert from "node:assert/strict";
import { test } from "node:test";
import "./english.ts";
import type { RecordingRow } from "../src/research.ts";
import { BeatRing } from "../src/ring.ts";
import { columns, noFilter, shown } from "../src/shelf.ts";
import { instantWords, lengthWords } from "../src/shelf-words.ts";

function row(id: string, more: Partial<RecordingRow> = {}, artefactPct: number | null = 1): RecordingRow {
  const quality = {
    duration_s: 60,
    n_beats: 70,
    coverage: 0.9,
    artefact_pct: artefactPct ?? 0,
    n_gaps: 0,
    suitable: true,
    reason: null,
    n_ratings: 0,
  };
  return {
    id,
    state: "complete",
    started_at: "2026-01-02T10:00:00Z",
    source: "strap",
    simulated: false,
    strap_name: "Polar H10",
    person: { id: "p", pseudonym: "P-1" },
    quality: artefactPct === null ? null : quality,
    trouble: null,
    loss: null,
    n_relabelled: 0,
    ...more,
  };
}

const ids = (rows: readonly RecordingRow[]): string => rows.map((one) => one.id).join("");

test("what is not known comes last, whichever way it is sorted", () => {
  const rows = [row("a", {}, null), row("b", {}, 5), row("c", {}, 2)];
  assert.equal(ids(shown(rows, noFilter, { by: "artefacts", up: true })), "cba");
  assert.equal(ids(shown(rows, noFilter, { by: "artefacts", up: false })), "bca");
});

test("every column sorts without an error", () => {
  const rows = [row("a"), row("b", { simulated: true }), row("c", {}, null)];
  for (const by of Object.keys(columns) as (keyof typeof columns)[]) {
    assert.equal(shown(rows, noFilter, { by, up: true }).length, 3);
  }
});

test("a filter keeps what fits all of it", () => {
  const rows = [
    row("a"),
    row("b", { simulated: true, loss: "The last second was lost." }),
    row("c", { started_at: "2026-03-02T10:00:00Z" }, null),
  ];
  const sorting = { by: "started", up: true } as const;
  assert.equal(ids(shown(rows, { ...noFilter, suitable: true }, sorting)), "ab");
  assert.equal(ids(shown(rows, { ...noFilter, heart: "real" }, sorting)), "ac");
  assert.equal(ids(shown(rows, { ...noFilter, text: "SECOND lost" }, sorting)), "b");
  assert.equal(ids(shown(rows, { ...noFilter, from: "2026-02-01" }, sorting)), "c");
  assert.equal(ids(shown(rows, { ...noFilter, to: "2026-02-01", heart: "real" }, sorting)), "a");
});

test("times carry no more digits than a step shows", () => {
  assert.equal(lengthWords(150), "2:30");
  assert.equal(lengthWords(3750), "1:02:30");
  assert.equal(instantWords(59.96, 0.1), "1:00.0");
  assert.equal(instantWords(61.234, 0.01), "1:01.23");
  assert.equal(instantWords(61.6, 5), "1:02");
});

test("a ring that was cleared holds nothing, and takes beats of any index", () => {
  const ring = new BeatRing();
  const beat = { t_ms: 1000, index: 40, segment: 0, label: "normal", nn_ms: 900 };
  ring.push(beat);
  ring.clear();
  assert.equal(ring.length, 0);
  ring.push({ ...beat, index: 3 });
  assert.equal(ring.since(0).length, 1);
});
