/** How the pacer looks and how fast it goes, for those who want to change it. */

import { html, nothing, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import type { PacerPart } from "../pacer.ts";
import { forms, preferences } from "../preferences.ts";
import { nextPace, paceWords } from "../words.ts";
import { canSound } from "../sound/output.ts";
import { canVibrate } from "./pacer.ts";

export interface PacerChoices {
  readonly part: PacerPart | null;
  /** Whether another pace is on its way. */
  readonly soon: boolean;
  readonly away: boolean;
  readonly covered: boolean;
  readonly cover: () => void;
  readonly pace: (step: 0.5 | -0.5) => void;
}

export function pacerChoices(choices: PacerChoices): TemplateResult {
  const c = copy.practice;
  const { covered, cover } = choices;
  return html`<details class="pacer-choices" data-testid="pacer-choices">
    <summary class="button slim">${c.more}</summary>
    <div class="stack">
      <button class="button slim" type="button" data-testid="cover" aria-pressed=${covered} @click=${cover}>
        ${covered ? c.show : c.hide}
      </button>
      ${paceControl(choices)} ${formControl()}
    </div>
  </details>`;
}

function paceControl({ part, soon, away, pace }: PacerChoices): TemplateResult {
  const c = copy.practice;
  const rate = part?.rate_bpm ?? 6;
  const button = (step: 0.5 | -0.5, name: string, words: string): TemplateResult => html`<button
    class="button slim"
    type="button"
    data-testid=${name}
    ?disabled=${!part || away || nextPace(rate, step) === rate || Math.sign(nextPace(rate, step) - rate) !== Math.sign(step)}
    @click=${() => pace(step)}
  >
    ${words}
  </button>`;
  return html`<div class="pace" role="group" aria-label=${c.pace}>
    ${button(-0.5, "slower", c.slower)}
    <span class="pace-words" data-testid="pace">${part ? paceWords(rate) : ""}${soon ? " …" : ""}</span>
    ${button(0.5, "faster", c.faster)}
  </div>`;
}

function formControl(): TemplateResult {
  const c = copy.practice;
  const chosen = preferences.get("form");
  const hint =
    chosen === "vibration" && !canVibrate
      ? c.noVibration
      : chosen === "sound" && !canSound
        ? copy.settings.noSound
        : "";
  return html`<fieldset>
    <legend class="quiet">${c.form}</legend>
    <div class="pills forms">
      ${forms.map(
        (form) => html`<label class="pill">
          <input
            type="radio"
            name="form"
            value=${form}
            data-testid=${`form-${form}`}
            .checked=${chosen === form}
            @change=${() => preferences.set("form", form)}
          />
          <span>${c.forms[form]}</span>
        </label>`,
      )}
    </div>
    ${hint ? html`<p class="quiet" role="status">${hint}</p>` : nothing}
  </fieldset>`;
}
