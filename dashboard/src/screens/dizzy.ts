/** After "Dizzy? Stop here": nothing moves, a few plain sentences, no way to restart. */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { canTakeBackDizzy, takeBackDizzy } from "../dizziness.ts";
import { sendStop } from "../outboxes.ts";
import { Part } from "../part.ts";
import { dizzyWords } from "../parts/dizzy-words.ts";
import { go } from "../router.ts";

/** So long somebody may say that they only wanted to finish; then the session ends. */
const OPEN_MS = 60_000;
const PATIENCE_MS = 3000;

export class DizzyScreen extends Part {
  static override properties = { session: { type: String }, open: { state: true } };
  declare session: string;
  declare open: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #goesOn = false;

  constructor() {
    super();
    this.open = true;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setTimeout(() => void this.#end(), OPEN_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    if (!this.#goesOn) void this.#end();
  }

  #end(): Promise<void> {
    if (!this.open) return Promise.resolve();
    this.open = false;
    return sendStop(this.session);
  }

  async #home(): Promise<void> {
    // A service that is away ends it later: nobody waits here for that.
    await Promise.race([this.#end(), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
    if (this.isConnected) go("home");
  }

  #finish(): void {
    this.#goesOn = true;
    takeBackDizzy(this.session);
    go("after", this.session);
  }

  protected override render(): TemplateResult {
    const c = copy.dizzy;
    return html`<section class="screen narrow" data-testid="dizzy-screen">
      ${dizzyWords()}
      <div class="stack done-actions">
        <button class="button primary big" type="button" data-testid="all-right" @click=${() => this.#home()}>
          ${c.done}
        </button>
        ${this.open && canTakeBackDizzy(this.session)
          ? html`<button class="button" type="button" data-testid="only-finish" @click=${() => this.#finish()}>
              ${c.finish}
            </button>`
          : ""}
      </div>
    </section>`;
  }
}
customElements.define("bf-dizzy", DizzyScreen);
