/** A kinder sentence: chosen or written. It leaves this page only if the person keeps it. */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { Part } from "../part.ts";

const LONGEST = 300;
/** Until the tab is closed, what was written outlives a reload. */
const DRAFT = "biofeedback.thought.";

export class OwnThought extends Part {
  static override properties = {
    session: { type: String },
    thought: { state: true },
    kept: { state: true },
  };
  /** Whose draft it is: another practice begins with an empty page. */
  declare session: string;
  declare thought: string;
  declare kept: boolean;

  constructor() {
    super();
    this.session = "";
    this.thought = "";
    this.kept = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.thought = draft(this.session);
  }

  #think(thought: string): void {
    this.thought = thought;
    this.kept = false;
    keepDraft(this.session, thought);
  }

  #keep(): void {
    if (this.thought.trim() === "" || this.kept) return;
    this.kept = true;
    this.tell("thought", this.thought.trim());
  }

  protected override render(): TemplateResult {
    const c = copy.script.thought;
    return html`<div class="own-thought" data-testid="own-thought">
      <fieldset class="plain">
        <legend>${c.title}</legend>
        <div class="own-thoughts">
          ${c.examples.map(
            (words) => html`<label class="pill wide">
              <input
                type="radio"
                name="thought"
                .checked=${this.thought === words}
                @change=${() => this.#think(words)}
              />
              <span>${words}</span>
            </label>`,
          )}
        </div>
        <label class="field">
          <span>${c.own}</span>
          <textarea
            rows="2"
            maxlength=${LONGEST}
            data-testid="own-words"
            .value=${c.examples.includes(this.thought) ? "" : this.thought}
            @input=${(event: Event) => this.#think((event.target as HTMLTextAreaElement).value)}
          ></textarea>
        </label>
      </fieldset>
      <button
        class="button"
        type="button"
        data-testid="keep-thought"
        ?disabled=${this.thought.trim() === "" || this.kept}
        @click=${() => this.#keep()}
      >
        ${c.note}
      </button>
      <p class="quiet" role="status">${this.kept ? c.noted : c.private}</p>
    </div>`;
  }
}
customElements.define("bf-own-thought", OwnThought);

function draft(session: string): string {
  try {
    return sessionStorage.getItem(DRAFT + session) ?? "";
  } catch {
    return ""; // switched off
  }
}

function keepDraft(session: string, thought: string): void {
  try {
    sessionStorage.setItem(DRAFT + session, thought);
  } catch {
    // Switched off: the thought lives as long as the page.
  }
}
