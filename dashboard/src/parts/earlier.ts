/** Earlier practices: when, how long, and a way to see each again. */

import { html, nothing, type TemplateResult } from "lit";
import { api } from "../api.ts";
import { copy } from "../copy.ts";
import { Part } from "../part.ts";
import type { Session } from "../protocol.ts";
import { go } from "../router.ts";
import { aboutMinutes, sentence, whenWords } from "../words.ts";

const SHOWN = 8;

export class EarlierPart extends Part {
  static override properties = { sessions: { attribute: false }, busy: { state: true } };
  declare sessions: readonly Session[] | null;
  declare busy: boolean;

  constructor() {
    super();
    this.sessions = null;
    this.busy = false;
  }

  async #replay(session: Session): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      go("replay", (await api.replay(session.id)).id);
    } catch (problem) {
      this.tell("problem", problem);
    }
    this.busy = false;
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!this.sessions) return nothing;
    const c = copy.start;
    const past = this.sessions
      .filter((s) => s.source !== "replay" && s.state !== "live" && s.state !== "failed")
      .slice(0, SHOWN);
    return html`<section class="earlier" aria-labelledby="earlier-title">
      <h2 id="earlier-title">${c.earlier}</h2>
      ${past.length === 0 ? html`<p class="quiet">${c.noneYet}</p>` : nothing}
      <ul class="rows">
        ${past.map((session) => this.#row(session))}
      </ul>
      ${past.length > 0
        ? html`<a class="link" href="#recordings" data-testid="all-recordings">${c.all}</a>`
        : nothing}
    </section>`;
  }

  #row(session: Session): TemplateResult {
    const c = copy.start;
    const when = whenWords(session.started_at);
    const ms = session.ended_at ? Date.parse(session.ended_at) - Date.parse(session.started_at) : NaN;
    return html`<li class="row" data-testid="earlier-session">
      <span class="card-words">
        <span>${when}</span>
        <span class="quiet"
          >${Number.isNaN(ms) ? "" : sentence(aboutMinutes(ms))}${session.simulated
            ? html` <span class="chip">${c.simulated}</span>`
            : nothing}</span
        >
      </span>
      ${session.state === "closing"
        ? html`<span class="quiet">${c.saving}</span>`
        : html`<button
            class="button slim"
            type="button"
            data-testid="replay"
            aria-label=${c.seeAgainOf(when)}
            ?disabled=${this.busy}
            @click=${() => this.#replay(session)}
          >
            ${c.seeAgain}
          </button>`}
    </li>`;
  }
}
customElements.define("bf-earlier", EarlierPart);
