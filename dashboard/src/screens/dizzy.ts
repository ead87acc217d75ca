/** After "I feel dizzy": nothing moves, a few plain sentences, no way to restart. */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { Part } from "../part.ts";
import { go } from "../router.ts";

export class DizzyScreen extends Part {
  static override properties = { session: { type: String } };
  declare session: string;

  protected override render(): TemplateResult {
    const c = copy.dizzy;
    return html`<section class="screen narrow">
      <h1 tabindex="-1">${c.title}</h1>
      <div class="spoken">
        ${c.lines.map((line) => html`<p>${line}</p>`)}
        <p class="quiet">${c.noMore}</p>
      </div>
      <div class="bar">
        <button class="button primary big" type="button" @click=${() => go("done", this.session)}>
          ${c.done}
        </button>
      </div>
    </section>`;
  }
}
customElements.define("bf-dizzy", DizzyScreen);
