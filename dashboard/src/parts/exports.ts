/** A recording to take away: every format with what it holds, and what may leave. */

import { html, nothing, type TemplateResult } from "lit";
import { api } from "../api.ts";
import { type Format, formats, words } from "../copy-research.ts";
import { Part } from "../part.ts";
import { research } from "../research.ts";
import { who } from "../who.ts";

export class ExportsPart extends Part {
  static override properties = {
    recording: {},
    layer: { type: Boolean },
    text: { state: true },
    dates: { state: true },
    making: { state: true },
    said: { state: true },
  };
  declare recording: string;
  declare layer: boolean;
  declare text: boolean;
  declare dates: boolean;
  declare making: string | null;
  declare said: string;

  constructor() {
    super();
    this.recording = "";
    this.layer = false;
    this.text = false;
    this.dates = false;
    this.making = null;
    this.said = "";
  }

  async #get(format: Format): Promise<void> {
    this.making = format.name;
    this.said = words.exports.making;
    try {
      const { text, dates } = this;
      const [blob, name] = await research.export(this.recording, format.name, { text, dates });
      save(blob, name);
      this.said = words.exports.done(name);
    } catch (problem) {
      this.said = "";
      this.tell("problem", problem);
    }
    this.making = null;
  }

  protected override render(): TemplateResult {
    const e = words.exports;
    // A researcher is never given the true date, nor the file that holds it.
    const masked = who.me?.role === "researcher";
    const checked = (event: Event): boolean => (event.target as HTMLInputElement).checked;
    return html`<section class="exports" aria-labelledby="exports-title">
      <h2 id="exports-title">${e.title}</h2>
      <p class="quiet">${masked ? e.leadResearch : e.lead} ${this.layer ? e.layer : nothing}</p>
      <div class="checks">
        <label class="check">
          <input type="checkbox" data-testid="with-text" .checked=${this.text} @change=${(event: Event) => (this.text = checked(event))} />
          <span>${e.text}</span>
        </label>
        ${masked
          ? nothing
          : html`<label class="check">
              <input type="checkbox" data-testid="with-dates" .checked=${this.dates} @change=${(event: Event) => (this.dates = checked(event))} />
              <span>${e.dates}</span>
            </label>`}
      </div>
      <p role="status" data-testid="export-said">${this.said}</p>
      <ul class="rows formats">
        ${formats.map(
          (format) => html`<li class="row">
            <span class="card-words"><strong>${format.title}</strong><span class="quiet">${format.holds}</span></span>
            <button
              class="button slim"
              type="button"
              data-testid=${`export-${format.name}`}
              aria-label=${e.get(format.title)}
              ?disabled=${this.making !== null}
              @click=${() => this.#get(format)}
            >
              ${this.making === format.name ? e.making : e.title}
            </button>
          </li>`,
        )}
        ${masked
          ? nothing
          : html`<li class="row">
              <span class="card-words"><strong>${e.raw}</strong><span class="quiet">${e.rawHolds}</span></span>
              <a class="button slim" href=${api.recordingUrl(this.recording)} download data-testid="raw" aria-label=${e.get(e.raw)}
                >${e.title}</a
              >
            </li>`}
      </ul>
    </section>`;
  }
}
customElements.define("bf-exports", ExportsPart);

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken it once the click is through.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
