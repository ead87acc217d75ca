/**
 * What is said of the heart answering the breath. Never a number, never a judgement:
 * its shape, and how it stands to the person's own week. Pure.
 */

import type { Link, Metrics, Usual } from "./protocol.ts";

export type Answer = "away" | "listening" | "unsuitable" | "rises" | "moves" | "usual" | "wider" | "quieter";

/** The first numbers of a rhythm this slow need a minute (64 s). */
export const LISTENS_MS = 64_000;
/** So many practices of the week make something usual. */
const USUAL_FROM = 3;
/** Within this share of the own median is as usual, however alike the week was. */
const BAND = 0.25;
/** The heart is fastest this near to the end of breathing in, or it just "moves". */
const IN_PHASE_DEG = 60;

export interface Seen {
  readonly link: Pick<Link, "state"> | null;
  readonly metrics: Pick<Metrics, "rsa_bpm" | "phase_deg" | "suitable"> | null;
  /** How long the practice has gone on. */
  readonly forMs: number;
  readonly usual: Usual | null;
}

export function answerOf({ link, metrics, forMs, usual }: Seen): Answer {
  if (link && link.state !== "streaming") return "away";
  if (!link || !metrics || forMs < LISTENS_MS) return "listening";
  const { rsa_bpm, phase_deg } = metrics;
  if (!metrics.suitable) return "unsuitable";
  if (rsa_bpm === null) return "listening";
  if (usual && usual.n >= USUAL_FROM && usual.rsa_bpm !== null) {
    const band = Math.max(usual.rsa_bpm * BAND, usual.spread_bpm ?? 0);
    const off = rsa_bpm - usual.rsa_bpm;
    if (Math.abs(off) <= band) return "usual";
    return off > 0 ? "wider" : "quieter";
  }
  return phase_deg !== null && Math.abs(phase_deg) <= IN_PHASE_DEG ? "rises" : "moves";
}
