/** One sentence under every picture of the history. Pure. */

import { copy, locale } from "./copy.ts";
import type { History, HistoryWeek, Mean, Sitting } from "./protocol.ts";
import { aboutMinutes } from "./words.ts";

/** Of fewer answers the picture shows no doubt, and the words say they are few. */
export const FEW = 3;

/** How the gap moved within the practices of all weeks, and how sure that is. */
export function gapSentence({ gap_change: { n, mean, low, high } }: Pick<History, "gap_change">): string {
  const c = copy.history.gap;
  if (mean === null) return c.none;
  const size = Math.round(Math.abs(mean));
  const said = size === 0 ? c.same : mean < 0 ? c.lower(size) : c.higher(size);
  if (n < FEW || low === null || high === null) return `${said} ${c.few}`;
  return size > 0 && low <= 0 && high >= 0 ? `${said} ${c.unsure}` : said;
}

/** How it was before and after, in the newest week that has answers. */
export function painSentence(weeks: readonly HistoryWeek[], of: "intensity" | "unpleasantness"): string {
  const last = weeks.findLast((week) => known(week[of].before) || known(week[of].after));
  if (!last) return "";
  return copy.history.pain.latest(whole(last[of].before), whole(last[of].after));
}

/** How strong the pull was, and the choice. How often stays out of it. */
export function pullSentence(weeks: readonly HistoryWeek[]): string {
  const c = copy.history.pull;
  const last = weeks.findLast((week) => known(week.craving) || known(week.self_control));
  if (!last) return "";
  return `${c.latest(whole(last.craving), whole(last.self_control))} ${c.pauses}`;
}

export function pegSentence(weeks: readonly HistoryWeek[]): string {
  const last = weeks.findLast((week) => week.peg !== null);
  return last?.peg == null ? "" : copy.history.week.latest(String(Math.round(last.peg)));
}

/** "Breathing, about 3 minutes" */
export function sittingWords(sitting: Sitting, name: (practice: string) => string | undefined): string {
  const c = copy.history;
  const what = sitting.practice === null ? c.breathing : (name(sitting.practice) ?? c.other);
  return c.row(what, aboutMinutes(sitting.minutes * 60_000));
}

/** "Thursday 26 November": a day of the calendar, wherever it is read. */
export function dayWords(day: string): string {
  const format = { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" } as const;
  return new Intl.DateTimeFormat(locale, format).format(new Date(day)).replace(",", "");
}

/** "5 Oct" */
export function shortDay(day: string): string {
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(day));
}

/** "14:05", where the person was then: the offset stands in the instant itself. */
export function clockWords(iso: string): string {
  const [, clock] = /T(\d\d:\d\d)/.exec(iso) ?? [];
  return clock ?? "";
}

export function known(mean: Mean): boolean {
  return mean.mean !== null;
}

function whole({ mean }: Mean): string {
  return mean === null ? copy.history.pain.unknown : String(Math.round(mean));
}
