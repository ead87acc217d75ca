/**
 * The words on the page, in the language that was chosen. They are set once, before
 * any screen is loaded; all of a language stands in one file of `languages/`.
 */

import type { en } from "./languages/en.ts";
import type { RatingType } from "./protocol.ts";

export interface Question {
  readonly type: RatingType;
  readonly prompt: string;
  readonly short: string;
  readonly low: string;
  readonly high: string;
  /** Words for some of the steps in between. */
  readonly words?: Readonly<Record<number, string>>;
  readonly from: number;
  readonly to: number;
}

/** What a language must have: the keys of English, with words of its own. */
export type Words = typeof en;

export let copy: Words["copy"];
export let questions: Words["questions"];
export let phaseWords: Words["phaseWords"];
export let linkWords: Words["linkWords"];
export let stepWords: Words["stepWords"];
export let againWords: Words["againWords"];
export let serviceWords: Words["serviceWords"];
export let locale: string;

/** Sets the language of everything that is loaded after this. */
export function useWords(words: Words): void {
  ({ copy, questions, phaseWords, linkWords, stepWords, againWords, serviceWords, locale } = words);
  if (typeof document !== "undefined") document.documentElement.lang = words.code;
}
