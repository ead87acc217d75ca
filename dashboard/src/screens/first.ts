/** Whom to ask first: read once, before the first practice; it stays under Help. */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { dayOf } from "../dizziness.ts";
import { Part } from "../part.ts";
import { askFirst } from "../parts/ask-first.ts";
import { preferences } from "../preferences.ts";
import { go } from "../router.ts";

export class FirstScreen extends Part {
  static override properties = { session: { type: String } };
  /** The session that has begun already, if there is one. */
  declare session: string;

  #read(): void {
    preferences.set("askedFirst", dayOf(new Date()));
    if (this.session) go("before", this.session);
    else go("home");
  }

  protected override render(): TemplateResult {
    const c = copy.first;
    return html`<section class="screen narrow first">
      <h1 tabindex="-1">${c.title}</h1>
      <p class="lead">${c.lead}</p>
      ${askFirst(2)}
      <p class="quiet">${c.again}</p>
      <div class="bar">
        <button class="button primary big" type="button" data-testid="read-first" @click=${() => this.#read()}>
          ${c.read}
        </button>
      </div>
    </section>`;
  }
}
customElements.define("bf-first", FirstScreen);
