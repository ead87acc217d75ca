/**
 * "Dizzy? Stop here": noted at once, and nothing asks to begin again that day. It can be
 * taken back by somebody who only wanted to finish: the mark stays, and a second one
 * says that it does not count.
 */

import { api, ApiProblem } from "./api.ts";
import { noteInDiary } from "./diary-box.ts";
import { outbox, unlessOver } from "./outboxes.ts";
import { preferences } from "./preferences.ts";

/** What this page noted: the mark, once the service has it, and the rest day before. */
interface Noted {
  mark: string;
  readonly restDay: string;
}
const noted = new Map<string, Noted>();

/** The day as the person's calendar has it. */
export function dayOf(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function restsToday(now = new Date()): boolean {
  return preferences.get("restDay") === dayOf(now);
}

export function restToday(now = new Date()): void {
  preferences.set("restDay", dayOf(now));
}

/** Notes it in the session, at `atMs` of its clock, and rests for today. */
export function noteDizzy(session: string, atMs: number | null): void {
  const known: Noted = { mark: "", restDay: preferences.get("restDay") };
  noted.set(session, known);
  restToday();
  const entry = { type: "symptom", value: null, unit: null, text: "dizzy" };
  const job = async (): Promise<void> => {
    try {
      known.mark = await api.enter(session, atMs === null ? entry : { ...entry, at_ms: atMs });
    } catch (problem) {
      if (!(problem instanceof ApiProblem) || ![404, 409].includes(problem.status)) throw problem;
      // The session is over already: it is kept with what is noted outside of one.
      noteInDiary([{ occasion: "day", type: "symptom", text: "dizzy" }]);
    }
  };
  outbox.add(job, { answer: false });
}

/** Only the page that noted it knows which mark it is. */
export function canTakeBackDizzy(session: string): boolean {
  return noted.has(session);
}

/** It was no dizziness: said in the session, and the day goes on as before. */
export function takeBackDizzy(session: string): void {
  const known = noted.get(session);
  if (!known) return;
  noted.delete(session);
  preferences.set("restDay", known.restDay);
  const entry = { type: "correction", value: null, unit: null, text: "only finished" };
  const job = (): Promise<void> =>
    unlessOver(api.enter(session, known.mark ? { ...entry, corrects: known.mark } : entry));
  outbox.add(job, { answer: false });
}
