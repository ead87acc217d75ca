/** The page's one outbox, and what goes into it. */

import { api, ApiProblem } from "./api.ts";
import { PHASE } from "./feed.ts";
import { Outbox } from "./outbox.ts";
import type { Rating } from "./protocol.ts";

export const outbox = new Outbox();

export function sendRating(id: string, rating: Rating): void {
  outbox.add(() => api.rate(id, rating));
}

/** The practice began: kept in the session, so that a reload finds its way back. */
export function sendPhase(id: string, minutes: number): void {
  outbox.add(() => api.enter(id, { type: PHASE, value: minutes, unit: "min", text: "practice" }));
}

export function sendSymptom(id: string, text: string): void {
  outbox.add(() => api.enter(id, { type: "symptom", value: null, unit: null, text }));
}

export function sendStop(id: string): void {
  outbox.add(async () => {
    try {
      await api.stop(id);
    } catch (problem) {
      // It has ended already, or is gone: that is what was asked.
      if (!(problem instanceof ApiProblem) || ![404, 409].includes(problem.status)) throw problem;
    }
  });
}
