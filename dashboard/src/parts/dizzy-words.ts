/** What is said to somebody who felt dizzy, wherever it was stopped. */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";

/** Right after the stop. */
export function dizzyWords(): TemplateResult {
  const c = copy.dizzy;
  return html`<h1 tabindex="-1">${c.title}</h1>
    <div class="spoken">
      ${c.lines.map((line) => html`<p>${line}</p>`)}
      <p class="quiet">${c.noMore}</p>
    </div>`;
}

/** For the rest of that day. */
export function restDayWords(): TemplateResult {
  const c = copy.dizzy.restDay;
  return html`<h1 tabindex="-1">${c.title}</h1>
    <p class="lead">${c.lead}</p>
    <div class="spoken">${c.lines.map((line) => html`<p>${line}</p>`)}</div>`;
}
