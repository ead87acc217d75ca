/** An instant as a day that is read with ease: "Thursday 24 December", with its year if it is another. */

import { locale } from "./copy.ts";

export function dayOfWords(iso: string, now = new Date()): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  const format: Intl.DateTimeFormatOptions = { day: "numeric", month: "long" };
  if (date.getFullYear() === now.getFullYear()) format.weekday = "long";
  else format.year = "numeric";
  return new Intl.DateTimeFormat(locale, format).format(date).replace(",", "");
}
