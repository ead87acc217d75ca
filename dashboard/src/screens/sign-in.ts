/** Without a link there is nothing to type: it says which link to open. */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { Part } from "../part.ts";

export class SignInScreen extends Part {
  protected override render(): TemplateResult {
    return html`<section class="screen narrow centred">
      <div class="emblem" aria-hidden="true"></div>
      <h1 tabindex="-1">${copy.signIn.title}</h1>
      <p class="lead">${copy.signIn.lead}</p>
      <p class="quiet">${copy.signIn.again}</p>
    </section>`;
  }
}
customElements.define("bf-sign-in", SignInScreen);
