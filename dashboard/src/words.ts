/** Numbers put into words. Pure. */

import { againWords, copy, linkWords, locale, serviceWords, stepWords } from "./copy.ts";
import type { ApiProblem } from "./api.ts";
import type { Activation, Gap, Link } from "./protocol.ts";

/** How the link is, and what is being done about it. */
export function linkSentence(link: Pick<Link, "state" | "step"> | null): string {
  if (!link) return linkWords.none;
  const { state, step } = link;
  if (state === "reconnecting") return (step && againWords[step]) ?? linkWords.reconnecting;
  if (state === "searching" || state === "connecting") return (step && stepWords[step]) ?? linkWords[state];
  return linkWords[state];
}

/** A sentence of the service's, in words of this language where it has some `about` that. */
export function serviceSays(about: string | null, sentence: string | null): string {
  return serviceWords[about ?? ""] ?? sentence ?? "";
}

/** Why the service said no, and what to do. */
export function problemWords({ reason, status, message, advice }: ApiProblem): { words: string; advice: string } {
  const words = serviceWords[reason ?? ""] ?? serviceWords[status];
  return words ? { words, advice: "" } : { words: message || copy.unknownProblem, advice };
}

/** "about 7 minutes" */
export function aboutMinutes(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (ms < 45_000) return copy.time.moments;
  return minutes <= 1 ? copy.time.minute : copy.time.minutes(minutes);
}

/** With a capital, where the words stand alone. */
export function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** "About 7 minutes left" */
export function timeLeft(leftMs: number): string {
  if (leftMs <= 0) return copy.practice.left(0);
  if (leftMs < 60_000) return copy.practice.lessThanOne;
  return copy.practice.left(Math.round(leftMs / 60_000));
}

/** Five and a half is written 5½: no decimals for a tired reader. */
export function paceWords(rateBpm: number): string {
  const halves = Math.round(rateBpm * 2);
  const whole = Math.floor(halves / 2);
  return copy.practice.perMinute(halves % 2 === 1 ? `${whole}½` : `${whole}`);
}

/** The next pace half a breath away, on whole halves, within the limits. */
export function nextPace(rateBpm: number, step: 0.5 | -0.5, low = 4.5, high = 7): number {
  const to = Math.round((rateBpm + step) * 2) / 2;
  return Math.min(Math.max(to, low), high);
}

/** "Tue 3 Nov, 14:05" */
export function whenWords(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  const day = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short" });
  const time = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
  return `${day.format(date).replace(",", "")}, ${time.format(date)}`;
}

/** How a strap's signal is, in words; nothing when it is not known. */
export function signalWords(rssiDbm: number | null): string {
  if (rssiDbm === null) return copy.start.known;
  if (rssiDbm >= -65) return copy.start.strong;
  return rssiDbm >= -80 ? copy.start.good : copy.start.weak;
}

/** How steady the signal was, from the share of clean seconds. */
export function steadyWords(coverage: number | null): string {
  if (coverage === null || coverage <= 0.02) return copy.done.noSignal;
  if (coverage >= 0.9) return copy.done.steady;
  return coverage >= 0.6 ? copy.done.mostly : copy.done.patchy;
}

/** "2 points lower (29 %)"; the share is told where the core gives one. */
export function changeWords(points: number, pct: number | null = null): string {
  if (points === 0) return copy.done.same;
  const words = points < 0 ? copy.done.lower(-points) : copy.done.higher(points);
  return pct === null ? words : copy.done.withPct(words, Math.round(Math.abs(pct)));
}

export interface GapWords {
  readonly change: string;
  readonly detail: string;
}

/**
 * How unpleasantness stood to intensity, before and after: pain is not suffering, so
 * this gap is told beside the two. Null where the core does not know it.
 */
export function gapWords({ before, after, change }: Gap): GapWords | null {
  if (before === null || after === null || change === null) return null;
  return {
    change: changeWords(change),
    detail: copy.done.gapWords(relation(before), relation(after)),
  };
}

function relation(gap: number): string {
  if (gap === 0) return copy.done.equal;
  return gap < 0 ? copy.done.less(-gap) : copy.done.more(gap);
}

/** How sure the estimate is, and how long its baseline. */
export function activationDetail({ confidence, baseline_s }: Activation): string {
  const c = copy.body;
  return `${confidence >= 0.8 ? c.sure : c.unsure}. ${c.from(Math.round(baseline_s / 60))}`;
}

/**
 * How the body stands to what was felt (1 to 9, in thirds): information, never an
 * error. Nothing where the estimate is too unsure, as `beside_felt` of the core has it.
 */
export function besideFelt(found: Activation | null, felt: number | null): string {
  if (!found || felt === null || found.confidence < 0.5) return "";
  const body = ["lower", "usual", "higher"].indexOf(found.band);
  const feeling = felt <= 3 ? 0 : felt < 7 ? 1 : 2;
  if (body === feeling) return copy.body.alike;
  return body < feeling ? copy.body.calmer : copy.body.stirred;
}
