/**
 * The heart's own rhythm as soft notes: one for each normal beat, at its true distance
 * from the others, higher where the heart is faster. Beats reach the page about a second
 * late, so all of them are heard by the same `DELAY_MS` later: the shape is true, the
 * moment is not. An artefact, a doubtful beat and a gap are silence, never a signal.
 */

import type { TraceBeat } from "../ring.ts";

/** How long after the heartbeat it is heard. */
export const DELAY_MS = 2000;
/** G4 stands for the person's own middle of the last minute. */
export const MIDDLE_HZ = 392;
export const USUAL_MS = 60_000;

/** Each beat a minute more lifts the note so far, and never farther than a fifth. */
const SEMITONES_PER_BPM = 0.4;
const MOST_SEMITONES = 7;

/** A note to come, on the beats' clock. */
export interface Note {
  readonly at_ms: number;
  /** The heartbeat it stands for. */
  readonly beat_ms: number;
  readonly hz: number;
}

/**
 * The notes for the beats after `afterMs`, from all the beats of the last minute. Only
 * a beat that joins the one before it sounds: beside a gap or an artefact it is quiet.
 */
export function notesOf(beats: readonly TraceBeat[], afterMs: number): readonly Note[] {
  const middle = median(beats.map((beat) => beat.hr_bpm));
  if (middle === null) return [];
  return beats
    .filter((beat) => beat.joined && beat.t_ms > afterMs)
    .map((beat) => ({ at_ms: beat.t_ms + DELAY_MS, beat_ms: beat.t_ms, hz: pitchHz(beat.hr_bpm - middle) }));
}

function pitchHz(moreBpm: number): number {
  const semitones = Math.min(Math.max(moreBpm * SEMITONES_PER_BPM, -MOST_SEMITONES), MOST_SEMITONES);
  return MIDDLE_HZ * 2 ** (semitones / 12);
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
