/** The page's one outbox, and what goes into it. */

import { api, ApiProblem } from "./api.ts";
import { type Feed, PHASE } from "./feed.ts";
import { Outbox } from "./outbox.ts";
import type { Rating } from "./protocol.ts";

export const outbox = new Outbox();

export function sendRating(id: string, rating: Rating): void {
  outbox.add(() => api.rate(id, rating));
}

/** The practice began: kept in the session, so that a reload finds its way back. */
export function sendPhase(feed: Feed, minutes: number): void {
  const entry = { type: PHASE, value: minutes, unit: "min", text: "practice" };
  const job = async (): Promise<void> => {
    // With a full disk the service shows an entry and yet answers 500: once is enough.
    if (!feed.phase) await unlessOver(api.enter(feed.session.id, entry));
  };
  outbox.add(job, { answer: false });
}

export function sendSymptom(id: string, text: string): void {
  const entry = { type: "symptom", value: null, unit: null, text };
  outbox.add(() => unlessOver(api.enter(id, entry)), { answer: false });
}

/** Ends the session, whatever else waits; resolves when the service has done so. */
export function sendStop(id: string): Promise<void> {
  return outbox.urge(() => unlessOver(api.stop(id)));
}

/** That it has ended already, or is gone, needs no word: a mark has no place then. */
async function unlessOver(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (problem) {
    if (!(problem instanceof ApiProblem) || ![404, 409].includes(problem.status)) throw problem;
  }
}
