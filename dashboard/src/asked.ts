/** Which questions a person is asked: the three always, the others by their own wish. */

import { type Question, questions } from "./copy.ts";
import { preferences } from "./preferences.ts";
import type { RatingType } from "./protocol.ts";

type Wish = "askCraving" | "askMood";

const onWish: Readonly<Partial<Record<RatingType, Wish>>> = {
  craving: "askCraving",
  self_control: "askCraving",
  mood: "askMood",
};

/** The questions before, during and after a practice, in order. */
export function asked(wants: (wish: Wish) => boolean = (wish) => preferences.get(wish)): readonly Question[] {
  return questions.filter(({ type }) => {
    const wish = onWish[type];
    return !wish || wants(wish);
  });
}

export function questionOf(type: RatingType): Question | undefined {
  return questions.find((question) => question.type === type);
}

/** From here on three doors stand open beside the answer; nobody must take one. */
const HIGH: Readonly<Partial<Record<RatingType | "peg_pain", number>>> = {
  pain_intensity: 9,
  pain_unpleasantness: 9,
  peg_pain: 9, // the weekly one: pain on average
  craving: 8,
};

export function isVeryHigh(type: RatingType, value: number | null): boolean {
  return value !== null && value >= (HIGH[type] ?? Number.POSITIVE_INFINITY);
}
