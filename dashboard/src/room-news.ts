/**
 * What is worth telling somebody who listens to the room instead of looking: hands that
 * went up, data that stopped or came back, people who came or left. Rare. Pure.
 */

import type { Standing, TileView } from "./room-tile.ts";

export type News =
  | { readonly what: "came" | "left" | "hand" | "paused" | "resumed"; readonly alias: string }
  | { readonly what: "trouble" | "back"; readonly alias: string; readonly standing: Standing };

const flowing = (standing: Standing): boolean => standing === "streaming";
/** What somebody does about at once, unlike a strap that is looked for at the start. */
const broken: ReadonlySet<Standing> = new Set<Standing>(["contact_lost", "stale", "reconnecting", "silent"]);

/** What changed from one look to the next. */
export function news(before: readonly TileView[], now: readonly TileView[]): readonly News[] {
  const was = new Map(before.map((view) => [view.listed.session, view]));
  const is = new Set(now.map((view) => view.listed.session));
  const found: News[] = [];
  for (const view of now) {
    const { alias } = view.listed;
    const old = was.get(view.listed.session);
    if (!old) found.push({ what: "came", alias });
    else {
      if (view.hand && !old.hand) found.push({ what: "hand", alias });
      if (view.standing === "paused" && old.standing !== "paused") found.push({ what: "paused", alias });
      else if (old.standing === "paused" && view.standing !== "paused") found.push({ what: "resumed", alias });
      else if (broken.has(view.standing) && !broken.has(old.standing)) {
        found.push({ what: "trouble", alias, standing: view.standing });
      } else if (broken.has(old.standing) && flowing(view.standing)) {
        found.push({ what: "back", alias, standing: view.standing });
      }
    }
  }
  for (const view of before) if (!is.has(view.listed.session)) found.push({ what: "left", alias: view.listed.alias });
  return found;
}
