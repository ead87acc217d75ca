/**
 * Spaces out what a screen reader is told: the newest text wins, and at most one is
 * said in `everyMs` (WCAG 4.1.3 without becoming noise). Pure: time is an argument.
 */
export class Announcer {
  readonly #everyMs: number;
  #saidAt = -Infinity;
  #said = "";
  #wanted = "";

  constructor(everyMs = 15_000) {
    this.#everyMs = everyMs;
  }

  want(text: string): void {
    this.#wanted = text;
  }

  /** The text to say now, or null when it is too early or nothing is new. */
  take(nowMs: number): string | null {
    if (this.#wanted === this.#said || nowMs - this.#saidAt < this.#everyMs) return null;
    this.#said = this.#wanted;
    this.#saidAt = nowMs;
    return this.#said;
  }
}
