/**
 * Who may see: what is allowed now, each with a stop beside it; somebody to allow, part
 * by part; who looked; what was allowed before. Nothing is chosen for the person.
 */

import { html, nothing, type TemplateResult } from "lit";
import { api } from "../api.ts";
import { listed } from "../company-names.ts";
import {
  allowed,
  type Allowed,
  byPerson,
  type Consent,
  type Grant,
  type Grantee,
  type Look,
  lookKind,
  nameless,
  looksOfOthers,
  type Purpose,
  purposesOf,
  streams,
} from "../consent.ts";
import { copy } from "../copy.ts";
import { later } from "../copy-later.ts";
import { dayOfWords } from "../day-words.ts";
import { Part } from "../part.ts";
import { howLong } from "../parts/how-long.ts";
import { shared } from "../together-api.ts";
import { hasOthers, who } from "../who.ts";
import { sentence, whenWords } from "../words.ts";
import "../parts/clinic-card.ts";

/** Looks that are listed before somebody asks for more. */
const LOOKS = 5;

export class SharingScreen extends Part {
  static override properties = {
    consents: { state: true },
    grantees: { state: true },
    looks: { state: true },
    chosen: { state: true },
    grants: { state: true },
    days: { state: true },
    receipt: { state: true },
    allLooks: { state: true },
    busy: { state: true },
    said: { state: true },
    missing: { state: true },
  };
  declare consents: readonly Consent[] | null;
  declare grantees: readonly Grantee[];
  declare looks: readonly Look[];
  declare chosen: Grantee | null;
  /** What is ticked, as "purpose stream". */
  declare grants: ReadonlySet<string>;
  declare days: number | null;
  declare receipt: { readonly name: string; readonly id: string; readonly of: readonly Allowed[] } | null;
  declare allLooks: boolean;
  declare busy: boolean;
  declare said: string;
  /** What is not chosen yet, once somebody tried without. */
  declare missing: string;

  constructor() {
    super();
    this.consents = null;
    this.grantees = [];
    this.looks = [];
    this.chosen = null;
    this.grants = new Set();
    this.days = null;
    this.receipt = null;
    this.allLooks = false;
    this.busy = false;
    this.said = "";
    this.missing = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (hasOthers()) void this.#load();
  }

  async #load(): Promise<void> {
    try {
      const [consents, grantees, looks] = await Promise.all([shared.consents(), shared.grantees(), shared.looks()]);
      this.grantees = grantees;
      this.looks = looksOfOthers(looks);
      this.consents = consents;
    } catch (problem) {
      if (this.isConnected) this.tell("problem", problem);
    }
  }

  /** Who is at a clinic that was joined just now is known a moment later. */
  readonly #somebodyYet = (): void => {
    if (this.grantees.length === 0) void this.#load();
  };

  async #try(act: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      await act();
      // Whether somebody may watch is asked at a session's start.
      who.me = await api.me();
    } catch (problem) {
      this.tell("problem", problem);
    }
    this.busy = false;
  }

  async #stop(account: string | null, name: string): Promise<void> {
    await this.#try(async () => {
      await shared.end(account);
      this.receipt = null;
      this.said = account ? later.sharing.stopped(name) : later.sharing.stoppedAll;
      this.consents = await shared.consents();
    });
    await this.updateComplete;
    this.querySelector<HTMLElement>("#now-title")?.focus({ preventScroll: true });
  }

  #choose(one: Grantee | null): void {
    this.chosen = one;
    this.grants = new Set();
    this.days = null;
    this.missing = "";
    this.said = "";
    this.receipt = null;
  }

  #tick(purpose: Purpose, stream: string, on: boolean): void {
    const grants = new Set(this.grants);
    if (on) grants.add(`${purpose} ${stream}`);
    else grants.delete(`${purpose} ${stream}`);
    this.grants = grants;
    this.missing = "";
  }

  async #allow(): Promise<void> {
    const c = later.sharing;
    const { chosen, days } = this;
    this.missing = this.grants.size === 0 ? c.chooseWhat : days === null ? c.chooseLong : "";
    if (!chosen || days === null || this.missing) return;
    const grants = [...this.grants].map((one) => {
      const [purpose, stream] = one.split(" ");
      return { purpose, stream } as Grant;
    });
    await this.#try(async () => {
      const given = await shared.allow(chosen.account, grants, days);
      this.#choose(null);
      this.receipt = { name: chosen.display, id: given.receipt, of: allowed(given.consents, true) };
      this.consents = await shared.consents();
    });
    await this.updateComplete;
    const words = this.querySelector<HTMLElement>("#receipt-title");
    words?.focus({ preventScroll: true });
    words?.scrollIntoView({ block: "center" });
  }

  protected override render(): TemplateResult {
    const c = later.sharing;
    return html`<section class="screen narrow sharing">
      <h1 tabindex="-1">${copy.whoSees}</h1>
      ${hasOthers() ? this.#all() : html`<p class="lead">${c.alone}</p>`}
      <nav class="stack"><a class="button" href="#home">${copy.home}</a></nav>
    </section>`;
  }

  #all(): TemplateResult {
    const c = later.sharing;
    return html`<p class="lead">${c.lead}</p>
      ${who.me?.shared ? html`<p class="quiet" data-testid="seen-as">${later.account.seenAs} <span class="code-name">${who.me.person.pseudonym}</span>.</p>` : nothing}
      ${this.consents === null
        ? html`<p class="quiet" role="status">${copy.wait}</p>`
        : html`${this.#now(this.consents)} ${this.#receipt()}
          ${who.me?.joined ? html`<bf-clinic-card @looked=${this.#somebodyYet}></bf-clinic-card>` : nothing} ${this.#somebody()} ${this.#looked()} ${this.#before(this.consents)}`}`;
  }

  #now(consents: readonly Consent[]): TemplateResult {
    const c = later.sharing;
    const people = byPerson(allowed(consents, true));
    return html`<section class="sharing-part" aria-labelledby="now-title" data-testid="allowed-now">
      <h2 id="now-title" tabindex="-1">${c.now}</h2>
      ${people.length === 0 ? html`<p>${c.nothing}</p>` : nothing}
      ${people.map((list) => this.#person(list))}
      ${people.length > 1
        ? html`<button class="button" type="button" data-testid="stop-all" ?disabled=${this.busy} @click=${() => this.#stop(null, "")}>
            ${c.stopAll}
          </button>`
        : nothing}
      <p class="sharing-said" role="status" data-testid="sharing-said">${this.said}</p>
    </section>`;
  }

  #person(list: readonly Allowed[]): TemplateResult | typeof nothing {
    const c = later.sharing;
    const [first] = list;
    if (!first) return nothing;
    const { display, account, role } = first.who;
    return html`<article class="sharing-person" data-testid="allowed">
      <h3>${display}</h3>
      <p class="quiet">${c.roles[role] ?? ""}</p>
      ${list.map(
        (one) => html`<p>
          ${c.receiptMay(c.purposes[one.purpose].name, streamWords(one))}
          <span class="quiet">${c.until(dayOfWords(one.expiresAt))}</span>
        </p>`,
      )}
      <button class="button" type="button" data-testid="stop-sharing" ?disabled=${this.busy} @click=${() => this.#stop(account, display)}>
        ${c.stop(display)}
      </button>
    </article>`;
  }

  #receipt(): TemplateResult | typeof nothing {
    const c = later.sharing;
    if (!this.receipt) return nothing;
    const { name, id, of } = this.receipt;
    return html`<section class="sharing-receipt" aria-labelledby="receipt-title" data-testid="receipt">
      <h2 id="receipt-title" tabindex="-1">${c.receipt(name)}</h2>
      ${of.map((one) => html`<p>${c.receiptMay(`${name} ${c.may[one.purpose]}`, streamWords(one))}.</p>`)}
      <p>${c.receiptUntil(dayOfWords(of[0]?.expiresAt ?? ""))}</p>
      <p class="quiet sharing-number">${c.receiptNumber(id)}</p>
      <button class="button slim" type="button" @click=${() => (this.receipt = null)}>${c.close}</button>
    </section>`;
  }

  #somebody(): TemplateResult {
    const c = later.sharing;
    return html`<section class="sharing-part" aria-labelledby="allow-title">
      <h2 id="allow-title">${c.allow}</h2>
      ${this.grantees.length === 0
        ? html`<p>${c.nobody}</p>`
        : html`<fieldset class="cards" data-testid="grantees">
            <legend class="quiet">${c.whom}</legend>
            ${this.grantees.map((one) => this.#grantee(one))}
          </fieldset>`}
      ${this.chosen ? this.#what(this.chosen) : nothing}
    </section>`;
  }

  #grantee(one: Grantee): TemplateResult {
    const c = later.sharing;
    return html`<label class="card">
      <input type="radio" name="grantee" value=${one.account} .checked=${this.chosen?.account === one.account} @change=${() => this.#choose(one)} />
      <span class="card-words">
        <span class="card-name">${one.display}</span>
        <span class="quiet">${[c.roles[one.role], one.invited_you ? c.invitedYou : ""].filter(Boolean).join(" · ")}</span>
      </span>
    </label>`;
  }

  #what(chosen: Grantee): TemplateResult {
    const c = later.sharing;
    return html`<div class="sharing-what" data-testid="what">
      <h3>${c.what(chosen.display)}</h3>
      <p class="quiet">${c.whatLead}</p>
      ${(purposesOf[chosen.role] ?? []).map((purpose) => this.#purpose(purpose))}
      ${howLong("days", this.days, (days) => {
        this.days = days;
        this.missing = "";
      })}
      <p class="sharing-said" role="status" data-testid="missing">${this.missing}</p>
      <div class="sharing-answer">
        <button class="button big" type="button" data-testid="allow-no" ?disabled=${this.busy} @click=${() => this.#choose(null)}>
          ${c.no}
        </button>
        <button class="button big" type="button" data-testid="allow-yes" ?disabled=${this.busy} @click=${() => this.#allow()}>
          ${c.yes}
        </button>
      </div>
    </div>`;
  }

  #purpose(purpose: Purpose): TemplateResult {
    const c = later.sharing;
    const { name, lead } = c.purposes[purpose];
    return html`<fieldset class="sharing-purpose" data-testid="purpose-${purpose}">
      <legend><span class="card-name">${name}</span></legend>
      <p class="quiet">${lead}</p>
      <div class="sharing-streams">
        ${streams.map(
          (stream) => html`<label class="card slim tick">
            <input
              type="checkbox"
              value=${stream}
              .checked=${this.grants.has(`${purpose} ${stream}`)}
              @change=${(event: Event) => this.#tick(purpose, stream, (event.target as HTMLInputElement).checked)}
            />
            <span class="card-words">${sentence(c.streams[stream])}</span>
          </label>`,
        )}
      </div>
    </fieldset>`;
  }

  #looked(): TemplateResult {
    const c = later.sharing;
    const shown = this.allLooks ? this.looks : this.looks.slice(0, LOOKS);
    return html`<section class="sharing-part" aria-labelledby="looked-title" data-testid="looked">
      <h2 id="looked-title">${c.looked}</h2>
      ${this.looks.length === 0 ? html`<p>${c.lookedNone}</p>` : nothing}
      <ul class="rows">
        ${shown.map(
          ({ at, by, action }) => html`<li class="row" data-testid="look">
            <span>${c.nameless[nameless(by) ?? "named"] || by.display} ${c.looks[lookKind(action)]}</span>
            <span class="quiet">${whenWords(at)}</span>
          </li>`,
        )}
      </ul>
      ${this.looks.length > shown.length
        ? html`<button class="button" type="button" data-testid="more-looks" @click=${() => (this.allLooks = true)}>${c.moreLooks}</button>`
        : nothing}
    </section>`;
  }

  #before(consents: readonly Consent[]): TemplateResult | typeof nothing {
    const c = later.sharing;
    const past = allowed(consents, false);
    if (past.length === 0) return nothing;
    return html`<details class="fold" data-testid="before">
      <summary><span class="fold-words">${c.before}</span></summary>
      <ul class="fold-body rows">
        ${past.map(
          (one) => html`<li class="row">
            <span class="card-words">
              <span>${c.receiptMay(`${one.who.display} ${c.may[one.purpose]}`, streamWords(one))}</span>
              <span class="quiet">
                ${c.gave(dayOfWords(one.grantedAt))}
                ${one.revokedAt ? c.youEnded(dayOfWords(one.revokedAt)) : c.ended(dayOfWords(one.expiresAt))}
              </span>
            </span>
          </li>`,
        )}
      </ul>
    </details>`;
  }
}
customElements.define("bf-sharing", SharingScreen);

function streamWords({ streams: of }: Allowed): string {
  return listed(of.map((stream) => later.sharing.streams[stream]));
}
