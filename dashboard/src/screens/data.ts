/** My data: what is kept and where; take it along, or erase it in two steps. */

import { html, nothing, type TemplateResult } from "lit";
import { api, ApiProblem } from "../api.ts";
import { copy } from "../copy.ts";
import { later } from "../copy-later.ts";
import { forgetAll } from "../own-storage.ts";
import { Part } from "../part.ts";
import { hasOthers } from "../who.ts";

type Step = "reading" | "asking" | "erasing" | "gone";

export class DataScreen extends Part {
  static override properties = {
    step: { state: true },
    ticked: { state: true },
    live: { state: true },
    note: { state: true },
    left: { state: true },
  };
  declare step: Step;
  declare ticked: boolean;
  /** A session that still goes on: it must end before anything is erased. */
  declare live: boolean;
  declare note: string;
  /** Whether this browser could not let go of everything. */
  declare left: boolean;

  constructor() {
    super();
    this.step = "reading";
    this.ticked = false;
    this.live = false;
    this.note = "";
    this.left = false;
  }

  async #to(step: Step, focus: string): Promise<void> {
    this.step = step;
    await this.updateComplete;
    const target = this.querySelector<HTMLElement>(focus);
    target?.focus({ preventScroll: true });
    target?.scrollIntoView({ block: "nearest" });
  }

  #ask(): void {
    this.ticked = false;
    this.live = false;
    this.note = "";
    void this.#to("asking", "#sure");
  }

  #keep(): void {
    this.note = "";
    void this.#to("reading", "[data-testid=erase]");
  }

  async #erase(): Promise<void> {
    if (!this.ticked || this.step !== "asking") return;
    this.step = "erasing";
    this.note = copy.data.erasing;
    try {
      await api.eraseAll();
    } catch (problem) {
      this.step = "asking";
      this.note = "";
      await this.#explain(problem);
      return;
    }
    this.left = !(await forgetAll());
    this.note = "";
    await this.#to("gone", "h1");
    window.scrollTo(0, 0);
  }

  async #explain(problem: unknown): Promise<void> {
    if (!(problem instanceof ApiProblem) || problem.status !== 409) {
      this.tell("problem", problem);
      return;
    }
    try {
      this.live = (await api.sessions(true)).length > 0;
      this.note = this.live ? copy.data.live : copy.data.saving;
    } catch (other) {
      this.tell("problem", other);
    }
  }

  async #end(): Promise<void> {
    try {
      for (const session of await api.sessions(true)) await api.stop(session.id);
      this.live = false;
      this.note = copy.data.ended;
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && this.step === "asking") this.#keep();
  };

  protected override render(): TemplateResult {
    return html`<section class="screen narrow data" @keydown=${this.#key}>
      ${this.step === "gone" ? this.#gone() : this.#kept()}
    </section>`;
  }

  #gone(): TemplateResult {
    const c = copy.data;
    return html`<h1 tabindex="-1" data-testid="erased">${c.gone}</h1>
      <div class="spoken">
        ${c.goneLines.map((line) => html`<p>${line}</p>`)}
        ${this.left ? html`<p class="notice">${c.browserLeft}</p>` : nothing}
      </div>`;
  }

  #kept(): TemplateResult {
    const c = copy.data;
    return html`
      <h1 tabindex="-1">${c.title}</h1>
      <div class="spoken">${(hasOthers() ? [...c.kept.slice(0, -1), later.sharing.others] : c.kept).map((line) => html`<p>${line}</p>`)}</div>
      <section class="data-part">
        <h2>${c.take}</h2>
        <p>${c.takeWhat}</p>
        <a class="button big" href=${api.myDataUrl} download data-testid="export">${c.download}</a>
      </section>
      <section class="data-part">
        <h2>${c.erase}</h2>
        <p>${c.eraseWhat}</p>
        ${this.step === "reading"
          ? html`<button class="button" type="button" data-testid="erase" @click=${() => this.#ask()}>
              ${c.eraseAll}
            </button>`
          : this.#sure()}
      </section>
      <nav class="data-part"><a class="button" href="#home">${copy.home}</a></nav>
    `;
  }

  #sure(): TemplateResult {
    const c = copy.data;
    const busy = this.step === "erasing";
    return html`<div class="data-sure" role="group" aria-labelledby="sure">
      <h3 id="sure" tabindex="-1">${c.sure}</h3>
      ${c.stays.map((line) => html`<p>${line}</p>`)}
      <label class="card data-tick">
        <input
          type="checkbox"
          data-testid="erase-tick"
          .checked=${this.ticked}
          ?disabled=${busy}
          @change=${(event: Event) => (this.ticked = (event.target as HTMLInputElement).checked)}
        />
        <span class="card-words">${c.tick}</span>
      </label>
      <p class="data-note" role="status" data-testid="erase-note">${this.note}</p>
      ${this.live
        ? html`<button class="button" type="button" data-testid="end-live" @click=${() => this.#end()}>
            ${c.end}
          </button>`
        : nothing}
      <button class="button primary big" type="button" ?disabled=${busy} data-testid="keep" @click=${() => this.#keep()}>
        ${c.keep}
      </button>
      <button
        class="button"
        type="button"
        data-testid="erase-now"
        ?disabled=${!this.ticked || busy}
        @click=${() => this.#erase()}
      >
        ${c.eraseNow}
      </button>
    </div>`;
  }
}
customElements.define("bf-data", DataScreen);
