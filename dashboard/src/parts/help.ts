/**
 * Help: same place on every screen, one tap, no network, nothing recorded. The words
 * are part of the script, so this opens when the service is gone and signed out.
 */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { Part } from "../part.ts";

export class HelpPart extends Part {
  static override properties = { testid: { type: String } };
  declare testid: string;

  constructor() {
    super();
    this.testid = "help";
  }

  #open(): void {
    this.querySelector("dialog")?.showModal();
  }

  #close(): void {
    this.querySelector("dialog")?.close();
  }

  protected override render(): TemplateResult {
    const c = copy.crisis;
    return html`
      <button
        class="button help-button"
        type="button"
        data-testid=${this.testid}
        aria-haspopup="dialog"
        @click=${this.#open}
      >
        ${copy.help}
      </button>
      <dialog class="sheet" aria-label=${c.title} data-testid="${this.testid}-dialog">
        <div class="sheet-inner">
          <h2>${c.title}</h2>
          <p class="plain-note">${c.watching}</p>
          <section>
            <h3>${c.now}</h3>
            <ul class="lines">
              ${c.lines.map(
                (line) => html`<li>
                  <a class="line" href="tel:${line.call}"
                    ><span class="where">${line.where}</span><span>${line.what}</span></a
                  >
                </li>`,
              )}
            </ul>
            <p>${c.elsewhere}</p>
          </section>
          ${this.#section(c.breath, c.breathLines)} ${this.#section(c.asleep, c.asleepLines)}
          ${this.#section(c.what, [c.about, c.aboutMore, c.medicine])}
          <p class="quiet">${c.private}</p>
          <div class="sheet-actions">
            <button class="button primary" type="button" @click=${this.#close}>${c.close}</button>
          </div>
        </div>
      </dialog>
    `;
  }

  #section(title: string, lines: readonly string[]): TemplateResult {
    return html`<section>
      <h3>${title}</h3>
      ${lines.map((line) => html`<p>${line}</p>`)}
    </section>`;
  }
}
customElements.define("bf-help", HelpPart);
