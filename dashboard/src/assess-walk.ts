/** Where a resonance assessment stands, by its table and the marks of the session. */

import type { AssessPart } from "./protocol.ts";

export const DONE = "resonance/done";
const NAME = "resonance/";

export interface PhaseMark {
  readonly text: string;
  readonly atMs: number;
}

export type AssessWalk =
  | { readonly state: "before" }
  | { readonly state: "done" }
  | {
      readonly state: "under_way";
      readonly part: AssessPart;
      /** What follows; null: that was the last. */
      readonly next: AssessPart | null;
      readonly beginMs: number;
      readonly dueMs: number;
      /** Whether this is one step that is repeated alone. */
      readonly again: boolean;
    };

/**
 * The marks are all there is to know: a reload finds its way by them. What follows the
 * end is one step that is repeated; `again` names it, for its rest does not.
 */
export function assessWalk(
  parts: readonly AssessPart[],
  marks: readonly PhaseMark[],
  again: string | null = null,
): AssessWalk {
  const mine = marks.filter((mark) => mark.text.startsWith(NAME)).sort((a, b) => a.atMs - b.atMs);
  const last = mine.at(-1);
  if (!last) return { state: "before" };
  if (last.text === DONE) return { state: "done" };
  const ended = mine.findLastIndex((mark) => mark.text === DONE);
  const due = (part: AssessPart): number => last.atMs + 1000 * part.lasts_s;
  if (ended < 0) {
    const index = mine.length - 1;
    const part = parts[index];
    if (!part) return { state: "done" };
    const next = parts[index + 1] ?? null;
    return { state: "under_way", part, next, beginMs: last.atMs, dueMs: due(part), again: false };
  }
  const part = parts.find((one) => one.text === last.text);
  const step = parts.find((one) => one.text === (again ?? ""));
  if (!part || (part.kind === "rest" && !step)) return { state: "done" };
  const next = part.kind === "rest" ? (step ?? null) : null;
  return { state: "under_way", part, next, beginMs: last.atMs, dueMs: due(part), again: true };
}
