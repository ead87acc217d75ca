/** The way between the pages of somebody who works here. */

import { html, type TemplateResult } from "lit";
import { words } from "../copy-room.ts";
import type { Screen } from "../router.ts";
import { type Role, who } from "../who.ts";

type Page = "room" | "people" | "accounts" | "recordings" | "home";

const pages: Readonly<Record<Role, readonly Page[]>> = {
  owner: ["home", "accounts"],
  patient: ["home"],
  therapist: ["room", "people", "home"],
  researcher: ["recordings", "home"],
  admin: ["accounts", "home"],
  program: [],
};

export function staffNav(here: Screen): TemplateResult {
  const n = words.nav;
  const titles: Readonly<Record<Page, string>> = {
    room: n.room,
    people: n.people,
    accounts: n.accounts,
    recordings: n.recordings,
    home: n.practise,
  };
  return html`<nav class="staff-nav" aria-label=${n.label}>
    ${pages[who.me?.role ?? "owner"].map(
      (page) => html`<a href=${`#${page}`} aria-current=${page === here ? "page" : "false"}>${titles[page]}</a>`,
    )}
  </nav>`;
}
