/** Which country's numbers come first: a guess, and the others stand below. */

/** The person's choice; else the region of the browser's languages, where it is known. */
export function countryCode(
  chosen: string,
  languages: readonly string[],
  known: readonly string[],
): string | undefined {
  const regions = languages.map((tag) => /-([A-Za-z]{2})\b/.exec(tag)?.[1]?.toUpperCase() ?? "");
  return [chosen, ...regions].find((code) => known.includes(code));
}
