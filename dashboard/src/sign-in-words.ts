/** Why somebody did not come in, in words that tell nobody who has an account here. */

import { ApiProblem, Unreachable } from "./api.ts";
import { copy } from "./copy.ts";
import { later } from "./copy-later.ts";
import { problemWords } from "./words.ts";

export function signInWords(problem: unknown): string {
  const c = later.signIn;
  if (problem instanceof Unreachable) return copy.unreachable;
  if (!(problem instanceof ApiProblem)) return copy.unknownProblem;
  if (problem.status === 401) return c.notKnown;
  if (problem.status === 503) return c.crowded;
  if (problem.status !== 429) return saidWords(problem);
  return waitWords(problem.waitS);
}

export function waitWords(waitS: number): string {
  const minutes = Math.ceil(waitS / 60);
  return minutes <= 1 ? later.signIn.waitSeconds : later.signIn.waitMinutes(minutes);
}

/** What the service said of it, and what to do. */
export function saidWords(problem: unknown): string {
  if (problem instanceof Unreachable) return copy.unreachable;
  if (!(problem instanceof ApiProblem)) return copy.unknownProblem;
  const { words, advice } = problemWords(problem);
  return advice ? `${words} ${advice}` : words;
}
