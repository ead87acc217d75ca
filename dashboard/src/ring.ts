/** The last minute of heartbeats for the trace: fixed size, oldest dropped. */

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
  readonly #beats: (TraceBeat | undefined)[];
  #next = 0;
  #count = 0;
  #last: BeatLike | null = null;

  constructor(capacity = 512) {
    this.#beats = new Array<TraceBeat | undefined>(capacity);
  }

  get length(): number {
    return this.#count;
  }

  /**
   * Takes one beat. Only normal beats are kept; a line joins two of them only when
   * they follow one another in one segment.
   */
  push(beat: BeatLike): void {
    const last = this.#last;
    if (last && beat.index <= last.index && beat.segment === last.segment) return; // sent again
    this.#last = beat;
    if (beat.label !== "normal" || beat.nn_ms === null || beat.nn_ms <= 0) return;
    const joined =
      last !== null &&
      last.label === "normal" &&
      last.segment === beat.segment &&
      last.index + 1 === beat.index;
    this.#beats[this.#next] = { t_ms: beat.t_ms, hr_bpm: 60_000 / beat.nn_ms, joined };
    this.#next = (this.#next + 1) % this.#beats.length;
    this.#count = Math.min(this.#count + 1, this.#beats.length);
  }

  /** The beats after `fromMs`, oldest first; the first of them joins nothing. */
  since(fromMs: number): readonly TraceBeat[] {
    const found: TraceBeat[] = [];
    for (let i = this.#count; i > 0; i--) {
      const at = (this.#next - i + this.#beats.length) % this.#beats.length;
      const beat = this.#beats[at];
      if (!beat || beat.t_ms < fromMs) continue;
      found.push(found.length === 0 ? { ...beat, joined: false } : beat);
    }
    return found;
  }
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
