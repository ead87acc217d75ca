/** What the researcher's pages ask of the service: recordings, labels, exports. */

import { asBlob, json } from "./api.ts";
import type { BeatLabel } from "./protocol.ts";
import type { PacerPart } from "./pacer.ts";

export interface Quality {
  readonly duration_s: number;
  readonly n_beats: number;
  readonly coverage: number;
  readonly artefact_pct: number;
  readonly n_gaps: number;
  readonly suitable: boolean;
  readonly reason: string | null;
  readonly n_ratings: number;
}

export interface RecordingRow {
  readonly id: string;
  readonly state: "complete" | "recovered" | "failed";
  readonly started_at: string;
  readonly source: "strap" | "simulated" | "imported";
  readonly simulated: boolean;
  readonly strap_name: string;
  readonly person: { readonly id: string; readonly pseudonym: string };
  /** Null while it is looked into, or when it cannot be: `trouble` says why. */
  readonly quality: Quality | null;
  readonly trouble: string | null;
  readonly loss: string | null;
  readonly n_relabelled: number;
}

export interface RecordingList {
  readonly recordings: readonly RecordingRow[];
  readonly n_pending: number;
}

export type Column = readonly (number | null)[];

/** One judgement of one beat, in the layer beside the recording. */
export interface Change {
  readonly at: string;
  readonly by: string;
  readonly index: number;
  readonly label: BeatLabel;
  readonly was: BeatLabel;
  readonly comment: string | null;
}

export interface Numbers {
  readonly hr_bpm: number | null;
  readonly rmssd_ms: number | null;
  readonly sdnn_ms: number | null;
  readonly pnn50_pct: number | null;
  readonly n_nn: number;
  readonly artefact_pct: number;
  readonly coverage: number;
}

export interface SeriesEntry {
  readonly t_ms: number;
  readonly id: string;
  readonly type: string;
  readonly by: string;
  readonly value: number | null;
  readonly unit: string | null;
  readonly text: string | null;
  readonly moment: string | null;
}

export interface Beats {
  readonly index: readonly number[];
  readonly segment: readonly number[];
  readonly t_ms: readonly number[];
  readonly rr_ms: readonly number[];
  readonly uncertainty_ms: readonly number[];
  readonly label: readonly BeatLabel[];
  readonly label_now: readonly BeatLabel[];
}

export interface Spectra {
  readonly step_ms: number;
  readonly length_s: number;
  readonly t_ms: readonly number[];
  readonly hz: readonly number[];
  readonly ms2_per_hz: readonly (readonly number[] | null)[];
}

/** A whole recording; times are milliseconds since its start. */
export interface Series {
  readonly id: string;
  readonly started_at_utc_ms: number;
  readonly duration_ms: number;
  readonly source: string;
  readonly simulated: boolean;
  readonly strap_name: string;
  readonly person: string;
  readonly complete: boolean;
  readonly sha256: string;
  readonly software: string;
  readonly algorithm: string | null;
  readonly beats: Beats;
  readonly heart: { readonly t_ms: readonly number[]; readonly hr_bpm: Column; readonly contact: Column };
  readonly metrics: { readonly step: number; readonly t_ms: readonly number[] } & Readonly<Record<string, Column>>;
  readonly spectra: Spectra;
  readonly pacer: readonly PacerPart[];
  readonly links: readonly { readonly t_ms: number; readonly state: string }[];
  readonly entries: readonly SeriesEntry[];
  readonly layer: { readonly changes: readonly Change[]; readonly trouble: string | null };
  readonly numbers: { readonly recorded: Numbers; readonly relabelled: Numbers | null };
}

export interface Label {
  readonly index: number;
  readonly label: BeatLabel;
  readonly by: string | null;
  readonly comment: string | null;
}

const at = (id: string, rest: string): string => `recordings/${encodeURIComponent(id)}/${rest}`;

export const research = {
  list: (): Promise<RecordingList> => json("GET", "recordings"),
  series: (id: string): Promise<Series> => json("GET", at(id, "series")),
  label: (id: string, label: Label): Promise<Change> => json("POST", at(id, "labels"), label),
  /** Fetched here, so that a refusal is a sentence on the page and not a file. */
  export: (id: string, format: string, options: { text: boolean; dates: boolean }): Promise<[Blob, string]> =>
    asBlob(at(id, `exports/${format}?free_text=${options.text}&dates=${options.dates}`)),
  reportUrl: (id: string, format: "html" | "pdf"): string =>
    `/api/v1/sessions/${encodeURIComponent(id)}/report?format=${format}`,
  trendUrl: (person: string, format: "html" | "pdf"): string =>
    `/api/v1/people/${encodeURIComponent(person)}/trend?weeks=8&format=${format}`,
};
