/**
 * Words that come later than the page: of a place that several people share, and of
 * finding one's pace. A practice alone never waits for them.
 */

import { locale } from "./copy.ts";
import type { en } from "./languages/later/en.ts";

/** What a language must have: the keys of English, with words of its own. */
export type LaterWords = typeof en;

const languages: Readonly<Record<string, () => Promise<LaterWords>>> = {
  en: async () => (await import("./languages/later/en.ts")).en,
  de: async () => (await import("./languages/later/de.ts")).de,
};

export let later: LaterWords;

export function useLater(words: LaterWords): void {
  later = words;
}

/** Loads them, in the language that the page speaks, unless they are here. */
export async function loadLater(): Promise<void> {
  if (later) return;
  useLater(await (languages[locale.split("-")[0] ?? ""] ?? languages["en"]!)());
}
