/** "How is it now?": the questions on one sheet; the pacer goes on behind it. */

import { html, type TemplateResult } from "lit";
import { asked } from "../asked.ts";
import { copy } from "../copy.ts";
import { Part } from "../part.ts";
import "./stop-strip.ts";
import "./help.ts";
import { QuestionPart } from "./question.ts";

export class RateSheet extends Part {
  static override properties = { open: { state: true } };
  declare open: boolean;

  constructor() {
    super();
    this.open = false;
  }

  async show(): Promise<void> {
    this.open = true; // fresh questions each time: no earlier value is seen
    await this.updateComplete;
    this.querySelector("dialog")?.showModal();
  }

  hide(): void {
    this.querySelector("dialog")?.close();
  }

  #save(event: Event): void {
    event.preventDefault();
    const ratings = [...this.querySelectorAll<QuestionPart>("bf-question")]
      .map((part) => part.rating("during"))
      .filter((rating) => rating !== null);
    this.hide();
    this.tell("ratings", ratings);
  }

  protected override render(): TemplateResult {
    const c = copy.practice;
    return html`<dialog
      class="sheet"
      aria-labelledby="rate-title"
      data-testid="rate-sheet"
      @close=${() => (this.open = false)}
    >
      ${this.open
        ? html`<div class="sheet-top">
              <h1 id="rate-title" tabindex="-1" autofocus>${c.rateTitle}</h1>
              <bf-help testid="help-on-sheet"></bf-help>
            </div>
            <form class="sheet-inner" @submit=${this.#save}>
            <p class="quiet">${c.rateLead}</p>
            ${asked().map((q) => html`<bf-question compact .question=${q}></bf-question>`)}
            <bf-stop-strip></bf-stop-strip>
            <div class="sheet-actions pair">
              <button class="button big" type="button" data-testid="close-rating" @click=${() => this.hide()}>
                ${c.close}
              </button>
              <button class="button primary big" type="submit" data-testid="save-rating">${c.save}</button>
            </div>
          </form>`
        : ""}
    </dialog>`;
  }
}
customElements.define("bf-rate-sheet", RateSheet);
