/** The last minutes of heartbeats for the trace: fixed size, oldest dropped. */

export interface TraceBeat {
  readonly t_ms: number;
  readonly hr_bpm: number;
  /** False where the line must break: after a gap, or beside a labelled beat. */
  readonly joined: boolean;
}

/** A beat as the service tells it. */
export interface BeatLike {
  readonly t_ms: number;
  readonly index: number;
  readonly segment: number;
  readonly label: string;
  readonly nn_ms: number | null;
}

export class BeatRing {
  readonly #beats: BeatLike[] = [];
  readonly #capacity: number;

  constructor(capacity = 512) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#beats.length;
  }

  /** Forgets them all: time went another way. */
  clear(): void {
    this.#beats.length = 0;
  }

  /** Takes one beat. Told again, it takes the place of what it was judged to be. */
  push(beat: BeatLike): void {
    const beats = this.#beats;
    const at = beats.findLastIndex((known) => known.index <= beat.index);
    if (beats[at]?.index === beat.index) beats[at] = beat;
    // Older than all that is held: it was dropped from here already.
    else if (at >= 0 || beats.length === 0) beats.splice(at + 1, 0, beat);
    if (beats.length > this.#capacity) beats.shift();
  }

  /**
   * The normal beats after `fromMs`, oldest first. A line joins two of them only when
   * they follow one another in one segment; the first joins nothing.
   */
  since(fromMs: number): readonly TraceBeat[] {
    const found: TraceBeat[] = [];
    let last: BeatLike | null = null;
    for (const beat of this.#beats) {
      if (beat.t_ms < fromMs || !drawn(beat)) continue;
      const joined = last?.segment === beat.segment && last.index + 1 === beat.index;
      found.push({ t_ms: beat.t_ms, hr_bpm: 60_000 / beat.nn_ms, joined });
      last = beat;
    }
    return found;
  }
}

function drawn(beat: BeatLike): beat is BeatLike & { readonly nn_ms: number } {
  return beat.label === "normal" && beat.nn_ms !== null && beat.nn_ms > 0;
}

/** The heart rate range a trace shows: whole fives, never flatter than 20. */
export function heartRange(beats: readonly TraceBeat[]): readonly [number, number] | null {
  if (beats.length === 0) return null;
  let low = Infinity;
  let high = -Infinity;
  for (const { hr_bpm } of beats) {
    low = Math.min(low, hr_bpm);
    high = Math.max(high, hr_bpm);
  }
  low = Math.floor((low - 2) / 5) * 5;
  high = Math.ceil((high + 2) / 5) * 5;
  const missing = Math.max(0, 20 - (high - low));
  return [low - Math.floor(missing / 10) * 5, high + Math.ceil(missing / 10) * 5];
}
