/** Before an assessment: what it is, how long it takes, and that nobody needs it. */

import { html, nothing, type TemplateResult } from "lit";
import { copy, locale } from "../copy.ts";
import { later } from "../copy-later.ts";
import type { AssessForm, KeptEstimate, Strap } from "../protocol.ts";
import { paceWords } from "../words.ts";
import { realFirst, strapCard } from "./strap-card.ts";

export interface Intro {
  readonly straps: readonly Strap[];
  readonly strap: string | null;
  readonly form: AssessForm;
  readonly last: KeptEstimate | null;
  readonly busy: boolean;
  readonly wear: (id: string) => void;
  readonly choose: (form: AssessForm) => void;
  readonly begin: () => void;
}

/** "3 November" */
export function dayWords(iso: string): string {
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "long" }).format(new Date(iso));
}

export function assessIntro(i: Intro): TemplateResult {
  const c = later.assess;
  return html`<section class="screen assess" data-testid="assess-intro">
    <h1 tabindex="-1">${copy.findPace}</h1>
    <p class="lead">${c.lead}</p>
    <p class="lead">${c.optional}</p>
    ${i.last ? lastTime(i.last) : nothing}
    <ul class="plain-list">
      ${c.how.map((line) => html`<li>${line}</li>`)}
    </ul>
    <fieldset class="plain">
      <legend><h2>${c.whichForm}</h2></legend>
      <div class="cards">
        ${(["stepped", "sliding"] as const).map(
          (form) => html`<label class="card" data-testid="form-${form}">
            <input
              type="radio"
              name="form"
              value=${form}
              .checked=${i.form === form}
              @change=${() => i.choose(form)}
            />
            <span class="card-words">
              <span class="card-name">${c.forms[form].name}</span>
              <span class="quiet">${c.forms[form].hint}</span>
            </span>
          </label>`,
        )}
      </div>
    </fieldset>
    <h2>${copy.start.strap}</h2>
    <div class="cards">
      ${realFirst(i.straps).map((strap) =>
        strapCard(strap, { chosen: i.strap === strap.id, own: false, choose: () => i.wear(strap.id) }),
      )}
    </div>
    <div class="bar">
      <button
        class="button primary big"
        type="button"
        data-testid="assess-begin"
        ?disabled=${!i.strap || i.busy}
        @click=${i.begin}
      >
        ${i.busy ? copy.start.beginning : copy.start.begin}
      </button>
    </div>
    <div class="quiet-actions">
      <a class="link" href="#first">${c.askFirst}</a>
      <a class="link" href="#home">${copy.home}</a>
    </div>
  </section>`;
}

function lastTime({ date, rate_bpm, recheck }: KeptEstimate): TemplateResult {
  const c = later.assess;
  const day = dayWords(date);
  return html`<div class="plain-note" data-testid="assess-last">
    <p>${rate_bpm === null ? c.lastNothing(day) : c.last(day, paceWords(rate_bpm))}</p>
    ${recheck.because ? html`<p>${c.recheck[recheck.because]}</p>` : nothing}
  </div>`;
}
