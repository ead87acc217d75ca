/** For how long something is allowed: a choice, of which nothing is chosen before. */

import { html, nothing, type TemplateResult } from "lit";
import { lengthsDays } from "../consent.ts";
import { later } from "../copy-later.ts";

/** `name` keeps this choice apart from others on the same page. */
export function howLong(name: string, chosen: number | null, choose: (days: number) => void): TemplateResult {
  const c = later.sharing;
  return html`<fieldset class="sharing-long">
    <legend><span class="card-name">${c.howLong}</span></legend>
    <div class="cards">
      ${lengthsDays.map(
        (days) => html`<label class="card slim">
          <input type="radio" name=${name} value=${days} .checked=${chosen === days} @change=${() => choose(days)} />
          <span class="card-words">
            <span>${c.lengths[days]}</span>
            ${days === 365 ? html`<span class="quiet">${c.longest}</span>` : nothing}
          </span>
        </label>`,
      )}
    </div>
  </fieldset>`;
}
