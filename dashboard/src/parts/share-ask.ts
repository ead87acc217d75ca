/**
 * Before a session: may those who were allowed to watch see this one? Two buttons of the
 * same weight. Nothing is shared without a yes, and a service that is away asks nothing.
 */

import { html, type TemplateResult } from "lit";
import { listed, namesOf } from "../company-names.ts";
import { ordered } from "../consent.ts";
import { copy } from "../copy.ts";
import { later } from "../copy-later.ts";
import type { Feed } from "../feed.ts";
import { follow, Part } from "../part.ts";
import { type Company, shared } from "../together-api.ts";
import { sentence } from "../words.ts";

export class ShareAsk extends Part {
  static override properties = {
    feed: { attribute: false },
    company: { state: true },
    busy: { state: true },
  };
  declare feed: Feed;
  declare company: Company | null;
  declare busy: boolean;
  #unfollow: (() => void) | undefined;

  constructor() {
    super();
    this.company = null;
    this.busy = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unfollow = follow(this.feed, () => this.#heard());
    void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unfollow?.();
  }

  /** After a reload the session itself tells that it was asked, or is under way. */
  #heard(): void {
    const { feed } = this;
    const known = feed.entries.some((entry) => ["sharing", "phase", "plan"].includes(entry.type));
    if (known || feed.over) this.#goOn();
  }

  async #load(): Promise<void> {
    this.#heard();
    try {
      const company = await shared.company(this.feed.session.id);
      namesOf(this.feed.session.id).take(company);
      if (company.may_watch.length === 0) this.#goOn();
      else this.company = company;
      await this.updateComplete;
      this.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
    } catch {
      this.#goOn();
    }
  }

  #goOn(): void {
    this.tell("asked", this.feed.session.id);
  }

  async #answer(yes: boolean): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    const sent = shared.share(this.feed.session.id, yes ? "on" : "off");
    try {
      // A no needs nobody's answer.
      if (yes) await sent;
      else void sent.catch(() => undefined);
    } catch (problem) {
      this.tell("problem", problem);
    }
    this.#goOn();
  }

  protected override render(): TemplateResult {
    const c = later.ask;
    if (!this.company) return html`<p class="screen quiet" role="status">${copy.wait}</p>`;
    const names = listed(this.company.may_watch.map((one) => one.display));
    return html`<section class="screen narrow share-ask" data-testid="share-ask">
      <h1 tabindex="-1">${c.title(names)}</h1>
      <p class="lead">${c.lead}</p>
      <ul class="share-what">
        ${this.company.may_watch.map(
          ({ display, streams }) => html`<li>
            <span>${display}</span>
            <span class="quiet">${sentence(listed(ordered(streams).map((stream) => later.sharing.streams[stream])))}</span>
          </li>`,
        )}
      </ul>
      <div class="bar pair">
        <button class="button big" type="button" data-testid="share-no" ?disabled=${this.busy} @click=${() => this.#answer(false)}>
          ${c.no}
        </button>
        <button class="button big" type="button" data-testid="share-yes" ?disabled=${this.busy} @click=${() => this.#answer(true)}>
          ${c.yes}
        </button>
      </div>
    </section>`;
  }
}
customElements.define("bf-share-ask", ShareAsk);
