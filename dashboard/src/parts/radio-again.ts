/**
 * After a reload the browser gives the strap back only to a tap: this asks for it, on
 * the page that was the radio of the session.
 */

import { html, nothing, type TemplateResult } from "lit";
import { browserRadio } from "../browser-radio.ts";
import { copy } from "../copy.ts";
import { follow, Part } from "../part.ts";

export class RadioAgainPart extends Part {
  static override properties = {
    session: { type: String },
    busy: { state: true },
    trouble: { state: true },
  };
  declare session: string;
  declare busy: boolean;
  declare trouble: string;
  #unfollow: (() => void) | undefined;

  constructor() {
    super();
    this.busy = false;
    this.trouble = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unfollow = follow(browserRadio, () => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unfollow?.();
  }

  async #again(): Promise<void> {
    this.busy = true;
    this.trouble = "";
    const choice = await browserRadio.choose();
    if (choice && "strap" in choice) browserRadio.begin(this.session);
    else if (choice) this.trouble = copy.browser.trouble[choice.trouble];
    this.busy = false;
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!browserRadio.waitsFor(this.session)) return nothing;
    return html`<div class="notice again" data-testid="radio-again">
      <p>${copy.browser.again}</p>
      <button class="button" type="button" ?disabled=${this.busy} @click=${() => this.#again()}>
        ${copy.browser.againButton}
      </button>
      <p role="status">${this.trouble}</p>
    </div>`;
  }
}
customElements.define("bf-radio-again", RadioAgainPart);
