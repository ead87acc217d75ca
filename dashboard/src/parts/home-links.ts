/** The quiet ways on from home. */

import { html, nothing, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import type { Screen } from "../router.ts";
import { hasOthers, who } from "../who.ts";

export function homeLinks(): TemplateResult {
  const links: readonly (readonly [Screen, string])[] = [
    ["history", copy.history.title],
    ["path", copy.path.title],
    ["week", copy.week.title],
    ["breathe", copy.start.noStrap],
    ["assess", copy.findPace],
    ["plan", copy.plan.title],
    ["settings", copy.settings.title],
    ["data", copy.data.title],
    ...(hasOthers() ? ([["sharing", copy.whoSees]] as const) : []),
  ];
  return html`<nav class="home-links" aria-label=${copy.start.more}>
    ${links.map(([screen, words]) => html`<a class="link" href=${`#${screen}`} data-testid=${screen}>${words}</a>`)}
    ${who.me?.shared && who.me.role === "patient"
      ? html`<button class="link" type="button" data-testid="sign-out" @click=${leave}>${copy.signOut}</button>`
      : nothing}
  </nav>`;
}

async function leave({ target }: Event): Promise<void> {
  const tell = (name: string, detail?: unknown): unknown =>
    target?.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  try {
    await (await import("../leaving.ts")).signOut();
    tell("who");
  } catch (problem) {
    tell("problem", problem);
  }
}
