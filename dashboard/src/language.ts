/** Which language the page speaks, and how its words come here. */

import type { Words } from "./copy.ts";
import { preferences } from "./preferences.ts";

const languages: Readonly<Record<string, () => Promise<Words>>> = {
  en: async () => (await import("./languages/en.ts")).en,
  de: async () => (await import("./languages/de.ts")).de,
};

export const languageCodes = Object.keys(languages);

/** The person's choice; else the browser's, where it is known here; else English. */
export function languageCode(chosen: string, wanted: readonly string[]): string {
  const codes = [chosen, ...wanted.map((tag) => tag.split("-")[0] ?? "")];
  return codes.find((code) => languageCodes.includes(code)) ?? "en";
}

export async function loadWords(): Promise<Words> {
  const load = languages[languageCode(preferences.get("language"), navigator.languages)];
  return (load ?? languages["en"]!)();
}
