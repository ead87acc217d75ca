/**
 * "Dizzy? Stop here": noted at once, and nothing asks to begin again that day. It can be
 * taken back by somebody who only wanted to finish: the mark stays, and a second one
 * says that it does not count.
 */

import { api } from "./api.ts";
import { outbox, unlessOver } from "./outboxes.ts";
import { preferences } from "./preferences.ts";

/** The mark of each session whose page is open, once the service has it. */
const noted = new Map<string, string>();

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

/** Notes it in the session, and rests for today. */
export function noteDizzy(session: string): void {
  restToday();
  const entry = { type: "symptom", value: null, unit: null, text: "dizzy" };
  const job = async (): Promise<void> => void noted.set(session, await api.enter(session, entry));
  outbox.add(() => unlessOver(job()), { answer: false });
}

/** It was no dizziness: said in the session, and the day goes on as any other. */
export function takeBackDizzy(session: string): void {
  preferences.set("restDay", "");
  outbox.add(
    () => {
      const entry = { type: "correction", value: null, unit: null, text: "only finished" };
      const corrects = noted.get(session);
      noted.delete(session);
      return unlessOver(api.enter(session, corrects ? { ...entry, corrects } : entry));
    },
    { answer: false },
  );
}
