/**
 * Keeps words from flickering: a change is shown once it has lasted. Pure: time is an
 * argument.
 */
export class Settled<T> {
  readonly #lastMs: number;
  #shown: T | undefined;
  #wanted: T | undefined;
  #sinceMs = -Infinity;

  constructor(lastMs = 1000) {
    this.#lastMs = lastMs;
  }

  /** What to show now; `atOnce` for what must not wait. */
  show(wanted: T, nowMs: number, atOnce = false): T {
    if (this.#shown === undefined || atOnce) this.#shown = wanted;
    if (wanted !== this.#wanted) {
      this.#wanted = wanted;
      this.#sinceMs = nowMs;
    }
    if (nowMs - this.#sinceMs >= this.#lastMs) this.#shown = wanted;
    return this.#shown;
  }
}
