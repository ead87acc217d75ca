/**
 * Where the sound card's clock stands beside the page's: `audio = page + offset`. The
 * browser tells both at one instant, a little unsteadily, so the middle of the last
 * readings counts. What is asked for is what is *heard*, so latency is within it.
 */

const KEPT = 15;

/** Both clocks at one instant, in milliseconds. */
export interface ClockPair {
  readonly audio_ms: number;
  readonly page_ms: number;
}

export class AudioClock {
  #offsets: readonly number[] = [];

  add(pair: ClockPair): void {
    this.#offsets = [...this.#offsets, pair.audio_ms - pair.page_ms].slice(-KEPT);
  }

  /** Forgets it all: the sound was held up, and its clock with it. */
  clear(): void {
    this.#offsets = [];
  }

  /** The middle of the readings; null before the first one. */
  get offsetMs(): number | null {
    const sorted = this.#offsets.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? null;
  }
}

/**
 * Reads both clocks. Where the browser does not tell what is being heard, what is being
 * computed stands in for it, later by the latency that is known.
 */
export function readClocks(context: AudioContext, pageMs: number): ClockPair {
  const heard = context.getOutputTimestamp?.();
  if (heard?.contextTime && heard.performanceTime) {
    return { audio_ms: heard.contextTime * 1000, page_ms: heard.performanceTime };
  }
  const latencyS = context.outputLatency || context.baseLatency || 0;
  return { audio_ms: (context.currentTime - latencyS) * 1000, page_ms: pageMs };
}
