/**
 * When the service hears that somebody is still here, and when they hear that they are
 * about to be signed out: it cannot know of whoever only reads and points.
 */

/** No more often than this. */
export const TELL_EVERY_MS = 60_000;
/** After so long without a word the service signs staff out. */
const SIGNED_OUT_AFTER_MS = 30 * 60_000;
/** Two minutes before, and one more: the service keeps to the minute when it heard. */
export const WARN_AFTER_MS = SIGNED_OUT_AFTER_MS - 3 * 60_000;

export class Rest {
  #toldMs: number;
  #first = true;

  /** The page has just asked for something. */
  constructor(nowMs: number) {
    this.#toldMs = nowMs;
  }

  /** Somebody touched the page: returns whether the service is to be told. */
  touched(nowMs: number): boolean {
    if (!this.#first && Math.abs(nowMs - this.#toldMs) < TELL_EVERY_MS) return false;
    this.#first = false;
    this.#toldMs = nowMs;
    return true;
  }

  /** Whether they will be signed out soon, unless they touch the page. */
  isLong(nowMs: number): boolean {
    return nowMs - this.#toldMs >= WARN_AFTER_MS;
  }
}
