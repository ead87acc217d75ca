/**
 * Questions one after the other, each on a short screen of its own and each skippable.
 * It tells `rated` with every answer, `question` with each question that comes up, and
 * `all-asked` at the end. What was answered before is never shown.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { copy, type Question } from "../copy.ts";
import { Part } from "../part.ts";
import type { Moment, RatingType } from "../protocol.ts";
import { QuestionPart } from "./question.ts";

export class AskingPart extends Part {
  static override properties = {
    questions: { attribute: false },
    given: { attribute: false },
    moment: { type: String },
    position: { type: String },
    lead: { type: String },
    skipAll: { attribute: false },
    direct: { type: Boolean },
    leave: { attribute: false },
    at: { state: true },
    answered: { state: true },
  };
  declare questions: readonly Question[];
  /** What the session has an answer to already, as after a reload. */
  declare given: readonly RatingType[];
  declare moment: Moment;
  /** Where in the sitting this is. */
  declare position: string;
  declare lead: string;
  declare skipAll: string;
  /** Whether the way past all questions stands in reach of a thumb, beside the others. */
  declare direct: boolean;
  /** Words of a way out, which is told as `leave`; empty is none. */
  declare leave: string;
  declare at: number;
  declare answered: boolean;
  #over = false;

  constructor() {
    super();
    this.questions = [];
    this.given = [];
    this.moment = "before";
    this.position = "";
    this.lead = "";
    this.skipAll = copy.ask.skipAll;
    this.direct = false;
    this.leave = "";
    this.at = 0;
    this.answered = false;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("given") && !changed.has("questions")) return;
    const open = this.questions.findIndex((q, i) => i >= this.at && !this.given.includes(q.type));
    if (open === -1) this.#finish();
    else if (open > this.at && !this.answered) this.at = open;
  }

  protected override updated(changed: PropertyValues): void {
    if (!changed.has("at")) return;
    this.tell("question", this.questions[this.at]);
    if (changed.get("at") === undefined) return;
    // The next question draws itself first; then its heading takes the focus.
    const next = this.querySelector<QuestionPart>("bf-question");
    void next?.updateComplete.then(() => next.querySelector("h1")?.focus());
  }

  #submit(event: Event): void {
    event.preventDefault();
    if (!this.answered) return;
    const rating = this.querySelector<QuestionPart>("bf-question")?.rating(this.moment);
    if (rating) this.tell("rated", rating);
    this.#on();
  }

  #on(): void {
    this.answered = false;
    if (this.at + 1 < this.questions.length) this.at += 1;
    else this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.tell("all-asked");
  }

  protected override render(): TemplateResult | typeof nothing {
    const question = this.questions[this.at];
    if (!question) return nothing;
    const c = copy.ask;
    const skipAll = html`<button class="link" type="button" data-testid="skip-all" @click=${() => this.#finish()}>
      ${this.skipAll}
    </button>`;
    return html`
      <p class="position">
        ${this.position}
        <span class="dots" aria-hidden="true"
          >${this.questions.map((_, i) => html`<i class=${i === this.at ? "now" : i < this.at ? "past" : ""}></i>`)}</span
        >
        <span class="sr-only">${c.of(this.at + 1, this.questions.length)}</span>
      </p>
      ${this.lead && this.at === 0 ? html`<p class="quiet">${this.lead}</p>` : nothing}
      <form autocomplete="off" @submit=${this.#submit}>
        ${keyed(
          question.type,
          html`<bf-question .question=${question} @answer=${() => (this.answered = true)}></bf-question>`,
        )}
        <p class="quiet keys-hint">${question.to === 10 ? c.keys10 : c.keys9}</p>
        <div class="bar pair">
          <button class="button big" type="button" data-testid="skip" @click=${() => this.#on()}>
            ${c.skip}
          </button>
          <button class="button primary big" type="submit" data-testid="next" ?disabled=${!this.answered}>
            ${c.next}
          </button>
          ${this.direct ? skipAll : nothing}
        </div>
      </form>
      <div class="quiet-actions">
        ${this.direct ? nothing : skipAll}
        ${this.leave
          ? html`<button class="link" type="button" data-testid="leave" @click=${() => this.tell("leave")}>
              ${this.leave}
            </button>`
          : nothing}
      </div>
    `;
  }
}
customElements.define("bf-asking", AskingPart);
