/** What a resonance assessment found, in words: one sentence, and a word per pace. */

import { later } from "./copy-later.ts";
import type { Assessment } from "./protocol.ts";
import { paceWords } from "./words.ts";

/** From which probability on it is "unlikely", "may be", "likely", "very likely". */
const STEPS = [0.05, 0.2, 0.5, 0.8] as const;
const SURE = 0.8;
export const LIKELY = 0.5;

/** The one plain sentence. */
export function resultSentence({ status, estimate }: Pick<Assessment, "status" | "estimate">): string {
  const c = later.assess;
  if (status === "unreliable") return c.unreliable;
  if (!estimate) return c.tooFew;
  const pace = paceWords(estimate.rate_bpm);
  if (estimate.probability >= SURE) return c.sure(pace);
  return estimate.probability >= LIKELY ? c.likely(pace) : c.unsure;
}

export function chanceWord(probability: number): string {
  const at = STEPS.filter((from) => probability >= from).length;
  return later.assess.chance[at] ?? "";
}
