/** What an assessment found: one sentence first, then how likely each pace is, then all. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { chanceWord, resultSentence } from "../assess-words.ts";
import { later } from "../copy-later.ts";
import { Part } from "../part.ts";
import type { AssessedStep, Assessment, Criteria } from "../protocol.ts";
import { paceWords } from "../words.ts";
import { dayWords } from "./assess-intro.ts";

const RATES = [6.5, 6, 5.5, 5, 4.5] as const;

export class AssessResult extends Part {
  static override properties = { found: { attribute: false } };
  declare found: Assessment;

  protected override updated(_: PropertyValues): void {
    for (const bar of this.querySelectorAll<HTMLElement>("[data-share]")) {
      bar.style.inlineSize = `${100 * Number(bar.dataset["share"])}%`;
    }
  }

  protected override render(): TemplateResult {
    const c = later.assess;
    const { found } = this;
    const { estimate } = found;
    return html`<p class="lead" data-testid="assess-sentence">${resultSentence(found)}</p>
      ${found.status === "unreliable" ? html`<p>${c.unreliableMore}</p>` : nothing}
      ${estimate?.at_edge ? html`<p>${c.edge}</p>` : nothing}
      ${found.date ? html`<p class="quiet">${c.found(dayWords(found.date))}</p>` : nothing}
      ${found.status === "unreliable" ? nothing : this.#chances()}
      ${this.#details()}`;
  }

  #chances(): TemplateResult {
    const c = later.assess;
    const { form, steps } = this.found;
    return html`<h2>${c.chances}</h2>
      <ul class="chances" data-testid="chances">
        ${RATES.map((rate) => {
          const step = steps.find((one) => one.rate_bpm === rate);
          const again = form === "stepped" && !step?.scored;
          return html`<li class="chance" data-rate=${rate}>
            <span class="chance-pace">${paceWords(rate)}</span>
            ${step?.probability == null
              ? html`<span class="quiet chance-word">${whyNot(step)}</span>`
              : html`<span class="chance-word">${chanceWord(step.probability)}</span>
                  <span class="chance-bar" aria-hidden="true"><span data-share=${step.probability}></span></span>`}
            ${again
              ? html`<button
                  class="button slim"
                  type="button"
                  data-testid="repeat-${rate}"
                  aria-label=${c.repeatOf(paceWords(rate))}
                  @click=${() => this.tell("repeat-step", rate)}
                >
                  ${c.repeat}
                </button>`
              : nothing}
          </li>`;
        })}
      </ul>`;
  }

  #details(): TemplateResult {
    const c = later.assess;
    const { steps, estimate, status, breathing, form } = this.found;
    const row = (name: string, cells: readonly (string | null)[]): TemplateResult =>
      html`<tr>
        <th scope="row">${name}</th>
        ${cells.map((cell) => html`<td>${cell ?? c.unknown}</td>`)}
      </tr>`;
    const criterion = (name: Exclude<keyof Criteria, "lf_peak_ms2_hz">, digits: number): TemplateResult =>
      row(c.rows[name], steps.map((step) => fixed(step.criteria[name], digits)));
    return html`<details class="more assess-details" data-testid="assess-details">
      <summary><span>${c.details}</span></summary>
      ${estimate ? html`<p>${c.range(estimate.low_bpm.toFixed(1), estimate.high_bpm.toFixed(1))}</p>` : nothing}
      ${breathing === "assumed" ? html`<p data-testid="assumed">${c.assumed}</p>` : nothing}
      ${status === "incomplete" ? html`<p data-testid="incomplete">${c.incomplete}</p>` : nothing}
      <p>${c.detailsLead}</p>
      <table class="criteria">
        <thead>
          <tr>
            <th scope="col">${c.criterion}</th>
            ${steps.map((step) => html`<th scope="col">${step.rate_bpm}</th>`)}
          </tr>
        </thead>
        <tbody data-testid="criteria">
          ${criterion("synchrony", 2)} ${criterion("rsa_bpm", 1)} ${criterion("lf_ms2", 0)}
          ${row(c.rows.lf_peak, steps.map(peak))} ${criterion("smoothness", 2)} ${criterion("lf_peaks", 0)}
        </tbody>
        <tbody>
          ${row(c.rows.probability, steps.map((s) => fixed(s.probability === null ? null : 100 * s.probability, 0)))}
          ${row(c.rows.breath_error_bpm, steps.map((s) => fixed(s.breath_error_bpm, 1)))}
          ${row(c.rows.artefact_pct, steps.map((s) => fixed(s.artefact_pct, 1)))}
          ${row(c.rows.duration_s, steps.map((s) => fixed(s.duration_s, 0)))}
          ${row(c.rows.inhale_pct, steps.map((s) => fixed(s.inhale_pct, 0)))}
        </tbody>
      </table>
      <p class="quiet">${c.unknownMeans}</p>
      ${form === "stepped"
        ? html`<div class="stack">
            ${steps
              .filter((step) => step.scored)
              .map(
                (step) => html`<button
                  class="button slim"
                  type="button"
                  data-testid="repeat-${step.rate_bpm}"
                  @click=${() => this.tell("repeat-step", step.rate_bpm)}
                >
                  ${c.repeatOf(paceWords(step.rate_bpm))}
                </button>`,
              )}
          </div>`
        : nothing}
    </details>`;
  }
}
customElements.define("bf-assess-result", AssessResult);

function whyNot(step: AssessedStep | undefined): string {
  const c = later.assess;
  if (!step) return c.notTried;
  return step.not_scored ? c.notScored[step.not_scored] : c.tooFew;
}

/** ms²/Hz has six digits: a thousandth of it fits a phone. */
function peak({ criteria }: AssessedStep): string | null {
  const height = criteria.lf_peak_ms2_hz;
  return fixed(height === null ? null : height / 1000, 0);
}

function fixed(value: number | null, digits: number): string | null {
  return value === null ? null : value.toFixed(digits);
}
