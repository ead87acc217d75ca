/** A pacer with nobody behind it: for a pause, and for when the service is away. */

import type { Paced, PacerPart } from "./pacer.ts";

export class LocalPace implements Paced {
  readonly speed = 1;
  readonly schedule: readonly PacerPart[];
  readonly #startMs: number;

  constructor(rateBpm: number, inhalePct: number, restMs = 0, startMs = performance.now()) {
    this.#startMs = startMs;
    this.schedule = [
      {
        origin_ms: 0,
        rate_bpm: rateBpm,
        inhale_pct: inhalePct,
        hold_in_ms: 0,
        hold_out_ms: restMs,
        from_breath: 0,
      },
    ];
  }

  nowMs(): number {
    return performance.now() - this.#startMs;
  }

  resync(): void {
    // Its clock is the only one there is.
  }
}
