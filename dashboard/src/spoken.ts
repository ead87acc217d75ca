/**
 * What the voice says in a practice, for somebody who does not look: how it begins, half
 * of it, the last minute, the free breaths, the end, and that the strap went or came.
 */

import { copy } from "./copy.ts";
import type { Stage } from "./course.ts";
import { Polite, say } from "./speech.ts";

/** How a practice stands, as its screen knows it. */
export interface Standing {
  /** The whole, and what is left of the paced part. */
  readonly minutes: number;
  readonly leftMs: number;
  readonly stage: Stage;
  /** Whether heartbeats come; null while that is not known yet. */
  readonly heart: boolean | null;
}

type Prompt = "begin" | "half" | "last" | "free" | "end";

/** A strap that is away for less than this is not worth a word. */
const AWAY_MS = 4000;
const LAST_MS = 60_000;

export class Guide {
  readonly #said = new Set<Prompt>();
  readonly #polite: Polite;
  readonly #say: (words: string) => void;
  #heart = false;
  #awayMs: number | null = null;
  #toldAway = false;

  constructor(speak: (words: string) => void = say) {
    this.#say = speak;
    this.#polite = new Polite(speak);
  }

  /** Says what is due now; `nowMs` is the page's clock. Called again and again. */
  tick(standing: Standing, nowMs: number): void {
    // Somebody asked to go on: the end is told again.
    if (standing.stage === "paced") for (const late of ["free", "end"] as const) this.#said.delete(late);
    const due = duePrompt(standing, this.#said.has("begin"));
    if (due && !this.#said.has(due)) {
      this.#said.add(due);
      this.#say(copy.spoken[due]);
    }
    if (standing.stage === "paced") this.#link(standing.heart, nowMs);
  }

  #link(heart: boolean | null, nowMs: number): void {
    if (heart === null) return;
    if (heart) {
      if (this.#toldAway) this.#polite.tell(copy.spoken.back, nowMs);
      this.#heart = true;
      this.#awayMs = null;
    } else if (this.#heart) {
      this.#awayMs ??= nowMs;
      if (nowMs - this.#awayMs < AWAY_MS) return;
      this.#toldAway = true;
      this.#polite.tell(copy.spoken.away, nowMs);
    }
  }
}

/** The one prompt that fits now. A short practice is told its last minute only. */
export function duePrompt(standing: Standing, begun: boolean): Prompt | null {
  if (standing.stage === "over") return null;
  if (standing.stage === "sign") return "end";
  if (standing.stage === "free") return "free";
  if (!begun) return "begin";
  const wholeMs = standing.minutes * 60_000;
  if (standing.leftMs <= LAST_MS && wholeMs > 1.5 * LAST_MS) return "last";
  if (standing.leftMs <= wholeMs / 2 && wholeMs > 4 * LAST_MS) return "half";
  return null;
}
