/** What the adaptive pacer did last, in a sentence. */

import { copy } from "./copy.ts";
import type { Entry } from "./protocol.ts";

/** Empty while it is off, or has stayed where it is: that is worth no word. */
export function adaptWords(entries: readonly Entry[]): string {
  const last = entries.findLast((entry) => entry.type === "adapt");
  if (!last) return "";
  const { reason, from_bpm, to_bpm } = read(last.text ?? "");
  if (reason === "on") return copy.adapt.on;
  if (from_bpm === to_bpm) return "";
  if (reason === "stronger") return copy.adapt.stronger;
  if (reason === "trying") return copy.adapt.trying;
  return reason === "alike" ? copy.adapt.back : "";
}

function read(text: string): { reason?: string; from_bpm?: number; to_bpm?: number } {
  try {
    return JSON.parse(text) as { reason?: string };
  } catch {
    return {}; // of a newer version
  }
}
