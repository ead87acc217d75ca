/** Filtering and sorting of recordings. Pure. */

import { words } from "./copy-research.ts";
import type { RecordingRow } from "./research.ts";
import { lengthWords, startedWords } from "./shelf-words.ts";

export interface Filter {
  readonly text: string;
  readonly suitable: boolean;
  readonly heart: "all" | "real" | "simulated";
  /** Days as `YYYY-MM-DD` on this computer's clock, both ends included; empty: open. */
  readonly from: string;
  readonly to: string;
}

export const noFilter: Filter = { text: "", suitable: false, heart: "all", from: "", to: "" };

interface ColumnOf {
  readonly title: string;
  /** Whether it holds words, which sort upwards first. */
  readonly text: boolean;
  readonly value: (row: RecordingRow) => string | number | null;
  readonly words: (row: RecordingRow) => string;
}

const w = words.list;

function quality(title: string, value: (row: NonNullable<RecordingRow["quality"]>) => number, digits: number, unit = ""): ColumnOf {
  return {
    title,
    text: false,
    value: (row) => (row.quality ? value(row.quality) : null),
    words: (row) => (row.quality ? `${value(row.quality).toFixed(digits)}${unit}` : "–"),
  };
}

export const columns = {
  started: { title: w.started, text: false, value: (row) => row.started_at, words: (row) => startedWords(row.started_at) },
  person: { title: w.person, text: true, value: (row) => row.person.pseudonym, words: (row) => row.person.pseudonym },
  source: { title: w.source, text: true, value: sourceWords, words: sourceWords },
  length: {
    ...quality(w.length, (q) => q.duration_s, 0),
    words: (row) => (row.quality ? lengthWords(row.quality.duration_s) : "–"),
  },
  beats: quality(w.beats, (q) => q.n_beats, 0),
  coverage: quality(w.coverage, (q) => 100 * q.coverage, 1, " %"),
  artefacts: quality(w.artefacts, (q) => q.artefact_pct, 1, " %"),
  gaps: quality(w.gaps, (q) => q.n_gaps, 0),
  ratings: quality(w.ratings, (q) => q.n_ratings, 0),
  relabelled: { title: w.relabelled, text: false, value: (row) => row.n_relabelled, words: (row) => String(row.n_relabelled) },
  suitable: {
    title: w.suitableShort,
    text: true,
    value: suitableWords,
    words: suitableWords,
  },
} satisfies Readonly<Record<string, ColumnOf>>;

export type ColumnName = keyof typeof columns;

export interface Sorting {
  readonly by: ColumnName;
  readonly up: boolean;
}

function sourceWords(row: RecordingRow): string {
  const strap = row.strap_name || w.unknown;
  if (row.simulated) return row.strap_name.toLowerCase().includes("simulated") ? strap : `${strap} (${w.simulated})`;
  return row.source === "imported" ? `${strap} (${w.imported})` : strap;
}

function suitableWords(row: RecordingRow): string {
  if (row.quality) return row.quality.suitable ? w.yes : w.no;
  return row.trouble || row.state === "failed" ? w.unknown : w.looking;
}

/** The rows that fit the filter, sorted; what is not known comes last either way. */
export function shown(rows: readonly RecordingRow[], filter: Filter, sorting: Sorting): readonly RecordingRow[] {
  const typed = filter.text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const column: ColumnOf = columns[sorting.by];
  return rows
    .filter((row) => {
      if (filter.suitable && row.quality?.suitable !== true) return false;
      if (filter.heart !== "all" && row.simulated !== (filter.heart === "simulated")) return false;
      const day = startedWords(row.started_at).slice(0, 10);
      if (filter.from && day < filter.from) return false;
      if (filter.to && day > filter.to) return false;
      const all = [row.id, row.quality?.reason, row.trouble, row.loss, ...Object.values(columns).map((c) => c.words(row))]
        .join(" ")
        .toLowerCase();
      return typed.every((word) => all.includes(word));
    })
    .sort((a, b) => compare(column.value(a), column.value(b), sorting.up) || compare(a.started_at, b.started_at, false));
}

function compare(a: string | number | null, b: string | number | null, up: boolean): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  return up ? order : -order;
}
