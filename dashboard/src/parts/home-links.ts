/** The quiet ways on from home. */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import type { Screen } from "../router.ts";

export function homeLinks(): TemplateResult {
  const links: readonly (readonly [Screen, string])[] = [
    ["history", copy.history.title],
    ["path", copy.path.title],
    ["week", copy.week.title],
    ["breathe", copy.start.noStrap],
    ["assess", copy.assess.title],
    ["plan", copy.plan.title],
    ["settings", copy.settings.title],
    ["data", copy.data.title],
  ];
  return html`<nav class="home-links" aria-label=${copy.start.more}>
    ${links.map(([screen, words]) => html`<a class="link" href=${`#${screen}`} data-testid=${screen}>${words}</a>`)}
  </nav>`;
}
