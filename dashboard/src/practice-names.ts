/** What a practice is called, where its name is known here. */

import { copy } from "./copy.ts";

export function practiceName(practice: string): string | undefined {
  const known = copy as unknown as { scripts?: Readonly<Record<string, { title?: unknown } | undefined>> };
  const title = known.scripts?.[practice]?.title;
  return typeof title === "string" ? title : undefined;
}
