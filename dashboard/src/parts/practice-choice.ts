/** What to do in a practice: breathing alone, or one of those with words of their own. */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { fold } from "./fold.ts";

export type PracticeId = keyof typeof copy.scripts;

export function isPractice(id: string): id is PracticeId {
  return id in copy.scripts;
}

/** `chosen` may be a practice that is known no longer: that is breathing alone. */
export function practiceChoice(chosen: string, choose: (id: "" | PracticeId) => void): TemplateResult {
  const c = copy.start;
  const now = isPractice(chosen) ? chosen : "";
  const card = (id: "" | PracticeId, title: string, line: string): TemplateResult =>
    html`<label class="card" data-testid="practice-${id || "alone"}">
      <input type="radio" name="practice" value=${id} .checked=${id === now} @change=${() => choose(id)} />
      <span class="card-words"><span class="card-name">${title}</span><span class="quiet">${line}</span></span>
    </label>`;
  const practices = Object.keys(copy.scripts).filter(isPractice);
  return fold(
    { testid: "what", title: c.what, now: now === "" ? c.alone : copy.scripts[now].title },
    html`<fieldset class="cards">
      <legend class="sr-only">${c.what}</legend>
      ${card("", c.alone, c.aloneLine)}
      ${practices.map((id) => card(id, copy.scripts[id].title, copy.scripts[id].line))}
    </fieldset>`,
  );
}
