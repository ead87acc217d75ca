/** The page's one outbox, and what goes into it. */

import { api, ApiProblem } from "./api.ts";
import { Outbox } from "./outbox.ts";
import type { Rating } from "./protocol.ts";

export const outbox = new Outbox();

export function sendRating(id: string, rating: Rating): void {
  outbox.add(() => api.rate(id, rating));
}

/** Ends the session, whatever else waits; resolves when the service has done so. */
export function sendStop(id: string): Promise<void> {
  return outbox.urge(() => unlessOver(api.stop(id)));
}

/** That a session has ended already, or is gone, needs no word: a mark has no place then. */
export async function unlessOver(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (problem) {
    if (!(problem instanceof ApiProblem) || ![404, 409].includes(problem.status)) throw problem;
  }
}
