/** The chosen beat: what it is, what people said it is, and a way to say so. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { labelWords, words } from "../copy-research.ts";
import { labelShapes, shapePicture } from "../label-shapes.ts";
import { Part } from "../part.ts";
import type { BeatLabel } from "../protocol.ts";
import { type Change, research, type Series } from "../research.ts";
import { instantWords, startedWords } from "../shelf-words.ts";

const REMEMBERED = "biofeedback.rater";
const LABELS = Object.keys(labelWords) as BeatLabel[];

export class BeatPanel extends Part {
  static override properties = {
    series: { attribute: false },
    chosen: { attribute: false },
    open: { state: true },
    busy: { state: true },
  };
  declare series: Series;
  declare chosen: number | null;
  declare open: boolean;
  declare busy: boolean;

  constructor() {
    super();
    this.chosen = null;
    this.open = false;
    this.busy = false;
    this.addEventListener("relabel", () => void this.#ask());
  }

  protected override updated(changed: PropertyValues<this>): void {
    const dialog = this.querySelector("dialog");
    if (changed.has("open") && this.open && !dialog?.open) dialog?.showModal();
  }

  async #ask(): Promise<void> {
    await this.updateComplete; // the beat that was clicked comes with the next drawing
    if (this.chosen === null) return;
    this.open = true;
  }

  /** The next beat that way; of the labelled ones, where so asked. */
  #step(by: 1 | -1, labelled: boolean): void {
    const { label, label_now } = this.series.beats;
    let row = this.chosen === null ? (by > 0 ? -1 : label.length) : this.chosen;
    do row += by;
    while (labelled && label[row] === "normal" && label_now[row] === "normal");
    if (row >= 0 && row < label.length) this.tell("choose", row);
  }

  async #keep(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const index = this.series.beats.index[this.chosen ?? -1];
    if (index === undefined || this.busy) return;
    const form = new FormData(event.target as HTMLFormElement);
    const said = (name: string): string => String(form.get(name) ?? "").trim();
    const label = said("label") as BeatLabel;
    this.busy = true;
    try {
      await research.label(this.series.id, {
        index,
        label,
        by: said("by") || null,
        comment: said("comment") || null,
      });
      remember(said("by"));
      this.#close();
      this.tell("kept", { index, label });
    } catch (problem) {
      this.#close();
      this.tell("problem", problem);
    }
    this.busy = false;
  }

  #close(): void {
    this.querySelector("dialog")?.close();
  }

  protected override render(): TemplateResult {
    const b = words.beat;
    return html`<section class="beats" aria-labelledby="beats-title">
      <h2 id="beats-title">${b.title}</h2>
      ${this.#legend()}
      <p class="quiet">${b.help}</p>
      <p role="status" data-testid="chosen-beat">${this.#words()}</p>
      <div class="tools">
        ${this.#button("beat-before", b.before, () => this.#step(-1, false))}
        ${this.#button("beat-after", b.after, () => this.#step(1, false))}
        ${this.#button("labelled-before", b.beforeLabelled, () => this.#step(-1, true))}
        ${this.#button("labelled-after", b.afterLabelled, () => this.#step(1, true))}
        <button
          class="button primary slim"
          type="button"
          data-testid="relabel"
          ?disabled=${this.chosen === null}
          @click=${() => this.#ask()}
        >
          ${b.change}
        </button>
      </div>
      ${this.#changes()} ${this.#dialog()}
    </section>`;
  }

  #button(testid: string, said: string, act: () => void): TemplateResult {
    return html`<button class="button slim" type="button" data-testid=${testid} @click=${act}>${said}</button>`;
  }

  #legend(): TemplateResult {
    const { label_now, label } = this.series.beats;
    const counts = new Map<BeatLabel, number>();
    for (const one of label_now) counts.set(one, (counts.get(one) ?? 0) + 1);
    const n = label_now.filter((one, i) => one !== label[i]).length;
    return html`<ul class="legend" aria-label=${words.beat.legend} data-testid="legend">
      ${LABELS.map(
        (one) => html`<li>
          ${shapePicture(labelShapes[one])} ${labelWords[one]}
          <span class="quiet">${words.beat.count(counts.get(one) ?? 0)}</span>
        </li>`,
      )}
      ${n > 0
        ? html`<li><span class="ringed" aria-hidden="true"></span> ${words.beat.legendRelabelled}
            <span class="quiet">${words.beat.count(n)}</span></li>`
        : nothing}
    </ul>`;
  }

  #words(): string {
    const b = words.beat;
    const { beats, layer } = this.series;
    const row = this.chosen;
    if (row === null) return b.none;
    const was = beats.label[row] ?? "normal";
    const now = beats.label_now[row] ?? was;
    const by = layer.changes.findLast((change) => change.index === beats.index[row])?.by ?? "";
    const label = was === now ? labelWords[was] : b.relabelled(labelWords[was], labelWords[now], by);
    const at = instantWords((beats.t_ms[row] ?? 0) / 1000, 0.01);
    const one = b.one(beats.index[row] ?? 0, at, (beats.rr_ms[row] ?? 0).toFixed(1), label);
    return `${one}; ${b.uncertainty((beats.uncertainty_ms[row] ?? 0).toFixed(0))}.`;
  }

  #changes(): TemplateResult {
    const b = words.beat;
    const { changes } = this.series.layer;
    if (changes.length === 0) return html`<p class="quiet">${b.changesNone}</p>`;
    return html`<h3>${b.changes}</h3>
      <ol class="changes" data-testid="changes">
        ${[...changes].reverse().map((change) => html`<li>${changeWords(change)}</li>`)}
      </ol>`;
  }

  #dialog(): TemplateResult {
    const b = words.beat;
    const { beats, layer } = this.series;
    const row = this.chosen ?? -1;
    const index = beats.index[row];
    const was = beats.label[row] ?? "normal";
    const now = beats.label_now[row] ?? was;
    const latest = layer.changes.findLast((change) => change.index === index);
    return html`<dialog
      class="sheet relabel"
      aria-labelledby="relabel-title"
      data-testid="relabel-dialog"
      @close=${() => (this.open = false)}
    >
      ${this.open && index !== undefined
        ? html`<form class="sheet-inner" @submit=${this.#keep}>
            <h2 id="relabel-title" tabindex="-1" autofocus>${b.dialog(index)}</h2>
            <dl class="facts-list">
              <dt>${b.recorded}</dt>
              <dd>${shapePicture(labelShapes[was])} ${labelWords[was]}</dd>
              <dt>${b.layer}</dt>
              <dd>${latest ? changeWords(latest) : b.layerNone}</dd>
            </dl>
            <fieldset>
              <legend>${b.label}</legend>
              <div class="choices">
                ${LABELS.map(
                  (label) => html`<label class="check">
                    <input type="radio" name="label" value=${label} ?checked=${label === now} required />
                    <span>${shapePicture(labelShapes[label])} ${labelWords[label]}</span>
                  </label>`,
                )}
              </div>
            </fieldset>
            <label class="field">
              <span>${b.by}</span>
              <input
                name="by"
                maxlength="40"
                pattern="[A-Za-z0-9][A-Za-z0-9 ._\\-]*"
                autocomplete="off"
                .value=${remembered()}
                aria-describedby="by-hint"
              />
              <span class="quiet" id="by-hint">${b.byHint}</span>
            </label>
            <label class="field">
              <span>${b.comment}</span>
              <textarea name="comment" maxlength="500" rows="2"></textarea>
            </label>
            <p class="quiet">${b.note}</p>
            <div class="sheet-actions pair">
              <button class="button" type="button" @click=${() => this.#close()}>${b.cancel}</button>
              <button class="button primary" type="submit" data-testid="keep-label" ?disabled=${this.busy}>
                ${b.keep}
              </button>
            </div>
          </form>`
        : nothing}
    </dialog>`;
  }
}
customElements.define("bf-beat-panel", BeatPanel);

function changeWords({ index, was, label, by, at, comment }: Change): string {
  const why = comment ? `: ${comment}` : "";
  return `Beat ${index}: ${labelWords[was]} → ${labelWords[label]}, ${by}, ${startedWords(at)}${why}`;
}

function remembered(): string {
  try {
    return localStorage.getItem(REMEMBERED) ?? "";
  } catch {
    return "";
  }
}

function remember(by: string): void {
  try {
    localStorage.setItem(REMEMBERED, by);
  } catch {
    // A browser that keeps nothing asks again.
  }
}
