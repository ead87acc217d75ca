/** What a sentence for a person may not be: too long, too hard, a claim, a word on doses. */

import { readFileSync } from "node:fs";

export type Code = "en" | "de";

interface Forbidden {
  /** By what is wrong with them: patterns, matched anywhere and in any case. */
  readonly patterns: Readonly<Record<string, readonly string[]>>;
  /** Whole sentences that stand as they are, each at its place and for a reason. */
  readonly allowed: readonly { readonly at: string; readonly sentence: string; readonly why: string }[];
}

/** `npm test` runs in the folder of the dashboard. */
export const forbidden = JSON.parse(readFileSync("tests/forbidden.json", "utf8")) as Record<Code, Forbidden>;

const LONGEST = 15;
/** School years. The formulas are made for whole texts: one German sentence varies more. */
export const HARDEST = 6;
const HARDEST_SENTENCE: Readonly<Record<Code, number>> = { en: 6, de: 9 };
const FEWEST_WORDS_TO_GRADE = 8;
/** Words of the questions and of Help, which everybody here meets from the first day on. */
const KNOWN = /^(unpleasant|emergency|unangenehm\w*)$/i;

export function sentencesIn(text: string): string[] {
  return text.split(/(?<=[.?])\s+/).filter((sentence) => sentence.trim() !== "");
}

/** A syllable is a group of vowels; in English not a silent "e" at the end. */
function syllables(word: string, code: Code): number {
  if (KNOWN.test(word)) return 2;
  const groups =
    code === "en"
      ? word.toLowerCase().replace(/(?<=[^l])e$|(?<=[aeiouy][^aeiouydt])ed$|(?<=[^aeiouyscxz])es$/, "").match(/[aeiouy]+/g)
      : word.toLowerCase().match(/[aeiouäöüy]+/g);
  return Math.max(1, groups?.length ?? 0);
}

/**
 * The school year that can read `sentences`. English: Flesch-Kincaid (Kincaid 1975);
 * German: first Wiener Sachtextformel (Bamberger and Vanecek 1984).
 */
export function grade(sentences: readonly string[], code: Code): number {
  const words = sentences.flatMap((sentence) => sentence.match(/[\p{L}']+/gu) ?? []);
  const counts = words.map((word) => syllables(word, code));
  const length = words.length / sentences.length;
  if (code === "en") return 0.39 * length + (11.8 * counts.reduce((sum, n) => sum + n, 0)) / words.length - 15.59;
  const share = (has: (n: number, i: number) => boolean): number => (100 * counts.filter(has).length) / words.length;
  const long = share((n) => n >= 3);
  const wide = share((_, i) => (words[i]?.length ?? 0) > 6);
  const short = share((n) => n === 1);
  return 0.1935 * long + 0.1672 * length + 0.1297 * wide - 0.0327 * short - 0.875;
}

/** As `\b`, but an "ü" belongs to its word as well. */
const WORD_EDGE = "(?:(?<=[\\p{L}\\d])(?![\\p{L}\\d])|(?<![\\p{L}\\d])(?=[\\p{L}\\d]))";

function compiled({ patterns }: Forbidden): [string, RegExp][] {
  return Object.entries(patterns).flatMap(([what, all]) =>
    all.map((pattern): [string, RegExp] => [what, new RegExp(pattern.replaceAll("\\b", WORD_EDGE), "iu")]),
  );
}

const never: Readonly<Record<Code, [string, RegExp][]>> = {
  en: compiled(forbidden.en),
  de: compiled(forbidden.de),
};

/** Values as the pages put them in: words, one, some. */
const SAMPLES: readonly (readonly unknown[])[] = [
  ["noon", "5½", "2"],
  [1, 1, 1],
  [3, 2, 3],
];

/** Every text of a part, functions with values of each kind in them; by its path. */
export function texts(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") {
    const said = SAMPLES.map((sample) => String((value as (...a: unknown[]) => unknown)(...sample)));
    return [...new Set(said)].map((text) => [path, text]);
  }
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, part]) => texts(part, `${path}/${key}`));
}

/** What is wrong with the sentence at a place, in words; nothing is the empty list. */
export function faults(sentence: string, code: Code, at = ""): string[] {
  const found: string[] = [];
  const words = sentence.split(/\s+/);
  if (words.length > LONGEST) found.push(`${words.length} words`);
  if (sentence.includes("!")) found.push("an exclamation mark");
  if (forbidden[code].allowed.some((one) => one.at === at && one.sentence === sentence)) return found;
  for (const [what, pattern] of never[code]) {
    const hit = pattern.exec(sentence);
    if (hit) found.push(`${what}: ${hit[0]}`);
  }
  if (words.length >= FEWEST_WORDS_TO_GRADE) {
    const year = Math.round(grade([sentence], code));
    if (year > HARDEST_SENTENCE[code]) found.push(`grade ${year}`);
  }
  return found;
}

/** Numbers to call (three digits and more) that stand in `text`. */
export function telephoneNumbers(text: string): string[] {
  const found = text.match(/(?<![.,\d])\+?\d[\d\s()-]*\d/g) ?? [];
  return found.map((number) => number.replace(/[^\d+]/g, "")).filter((number) => number.length >= 3);
}
