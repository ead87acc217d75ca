/** Who may sign in here, and what was done: for admins. */

import { html, nothing, type TemplateResult } from "lit";
import { roleWords, words } from "../copy-room.ts";
import { copy } from "../copy.ts";
import { Part } from "../part.ts";
import { InvitesPart } from "../parts/invites.ts";
import { staffNav } from "../parts/staff-nav.ts";
import { type Account, admin, type AuditList, roles } from "../room-api.ts";
import { whenWords } from "../words.ts";
import { who } from "../who.ts";

const AUDIT_FIRST = 20;
const AUDIT_STEP = 100;
/** What the service lists at once; `biofeedback audit` knows all of it. */
const MOST_AUDIT = 1000;

export class AccountsScreen extends Part {
  static override properties = {
    accounts: { state: true },
    audit: { state: true },
    asked: { state: true },
    revoked: { state: true },
  };
  declare accounts: readonly Account[] | null;
  declare audit: AuditList | null;
  /** The account that is about to be revoked. */
  declare asked: Account | null;
  /** Whether the revoked ones are shown. */
  declare revoked: boolean;
  #limit = AUDIT_FIRST;

  constructor() {
    super();
    this.accounts = null;
    this.audit = null;
    this.asked = null;
    this.revoked = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  async #load(): Promise<void> {
    await this.#guard(async () => {
      this.accounts = await admin.accounts();
      this.audit = await admin.audit(this.#limit);
    });
  }

  async #guard(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  #more(): void {
    this.#limit = Math.min(MOST_AUDIT, this.#limit + AUDIT_STEP);
    void this.#load();
  }

  #reset(account: Account): void {
    void this.#guard(async () => {
      const made = await admin.reset(account.id);
      const place = this.querySelector<InvitesPart>("bf-invites");
      await place?.show(made);
      place?.scrollIntoView({ block: "nearest" });
      await this.#load();
    });
  }

  #ask(account: Account): void {
    this.asked = account;
    void this.updateComplete.then(() => this.querySelector("dialog")?.showModal());
  }

  #revoke(account: Account): void {
    this.querySelector("dialog")?.close();
    void this.#guard(async () => {
      await admin.revoke(account.id);
      await this.#load();
      await this.querySelector<InvitesPart>("bf-invites")?.load();
    });
  }

  protected override render(): TemplateResult {
    const a = words.accounts;
    return html`<section class="screen staff">
      ${staffNav("accounts")}
      <h1 tabindex="-1">${a.title}</h1>
      <p class="lead">${a.lead}</p>
      ${this.accounts === null ? html`<p class="quiet">${copy.wait}</p>` : this.#list(this.accounts)}
      <bf-invites .roles=${roles}></bf-invites>
      ${this.audit ? this.#audit(this.audit) : nothing} ${this.#dialog()}
    </section>`;
  }

  #list(all: readonly Account[]): TemplateResult {
    const a = words.accounts;
    const gone = all.filter((account) => account.revoked_at !== null);
    const shown = this.revoked ? all : all.filter((account) => account.revoked_at === null);
    if (all.length === 0) return html`<p data-testid="no-accounts">${a.none}</p>`;
    const heads = [a.display, a.code, a.role, a.since, a.seen, a.ways, a.actions];
    return html`<div class="table-place">
        <table class="table cards-on-phone" data-testid="accounts">
          <thead>
            <tr>
              ${heads.map((head) => html`<th scope="col">${head}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${shown.map((account) => this.#row(account))}
          </tbody>
        </table>
      </div>
      ${gone.length > 0 && !this.revoked
        ? html`<button class="link back" type="button" @click=${() => (this.revoked = true)}>
            ${a.showRevoked(gone.length)}
          </button>`
        : nothing}`;
  }

  #row(account: Account): TemplateResult {
    const a = words.accounts;
    const own = account.code === who.me?.code;
    const ways = [account.has_password ? a.password : null, account.n_passkeys > 0 ? a.passkeys(account.n_passkeys) : null];
    const known = ways.filter((way) => way !== null);
    return html`<tr data-testid="account" data-code=${account.code}>
      <th scope="row" data-label=${a.display}>
        ${account.display} ${own ? html`<span class="chip plain-chip">${a.you}</span>` : nothing}
        <span class="quiet block">${account.name}</span>
      </th>
      <td data-label=${a.code}>${account.code}</td>
      <td data-label=${a.role}>${roleWords[account.role]}</td>
      <td data-label=${a.since}>${whenWords(account.created_at)}</td>
      <td data-label=${a.seen}>${account.last_seen_at ? whenWords(account.last_seen_at) : a.never}</td>
      <td data-label=${a.ways}>${known.length > 0 ? known.join(", ") : a.noWay}</td>
      <td class="actions">
        ${account.revoked_at !== null
          ? a.revoked(whenWords(account.revoked_at))
          : html`<button
                class="button slim"
                type="button"
                data-testid="reset"
                aria-label=${a.resetOne(account.display)}
                @click=${() => this.#reset(account)}
              >
                ${a.reset}
              </button>
              ${own
                ? nothing
                : html`<button
                    class="button slim"
                    type="button"
                    data-testid="revoke"
                    aria-label=${a.revokeOne(account.display)}
                    @click=${() => this.#ask(account)}
                  >
                    ${a.revoke}
                  </button>`}`}
      </td>
    </tr>`;
  }

  #audit({ rows, n_rows, whole, broken_seq, head }: AuditList): TemplateResult {
    const a = words.audit;
    const heads = [a.at, a.who, a.what, a.about, a.outcome, a.from];
    return html`<section class="panel" aria-labelledby="audit-title" data-testid="audit">
      <h2 id="audit-title">${a.title}</h2>
      <p class="quiet">${a.lead}</p>
      <p data-testid="audit-chain" data-whole=${whole}>${whole ? a.whole(n_rows) : a.broken(broken_seq)}</p>
      <p class="quiet hash">${a.head}: <code>${head}</code></p>
      ${rows.length === 0
        ? html`<p class="quiet">${a.none}</p>`
        : html`<div class="table-place">
            <table class="table audit cards-on-phone">
              <thead>
                <tr>
                  ${heads.map((head) => html`<th scope="col">${head}</th>`)}
                </tr>
              </thead>
              <tbody>
                ${rows.map(
                  (row) => html`<tr>
                    <td data-label=${a.at}>${whenWords(row.at)}</td>
                    <td data-label=${a.who}>${shortened(row.actor)}</td>
                    <td data-label=${a.what}>${row.action.replaceAll(/[._]/g, " ")}</td>
                    <td data-label=${a.about}>${row.subject === null ? a.nobody : shortened(row.subject)}</td>
                    <td data-label=${a.outcome}>${row.outcome === "ok" ? a.ok : row.outcome === "refused" ? a.refused : row.outcome}</td>
                    <td data-label=${a.from}>${row.origin ?? a.nobody}</td>
                  </tr>`,
                )}
              </tbody>
            </table>
          </div>`}
      ${rows.length < n_rows && this.#limit < MOST_AUDIT
        ? html`<button class="button slim" type="button" @click=${() => this.#more()}>${a.more}</button>`
        : nothing}
    </section>`;
  }

  #dialog(): TemplateResult {
    const a = words.accounts;
    const { asked } = this;
    return html`<dialog
      class="sheet sure"
      aria-labelledby="revoke-title"
      data-testid="revoke-dialog"
      @close=${() => (this.asked = null)}
    >
      ${asked
        ? html`<div class="sheet-inner">
            <h2 id="revoke-title" tabindex="-1" autofocus>${a.sure(asked.display)}</h2>
            <p>${a.sureLong}</p>
            <div class="sheet-actions pair">
              <button class="button" type="button" @click=${() => this.querySelector("dialog")?.close()}>${a.no}</button>
              <button class="button primary" type="button" data-testid="revoke-yes" @click=${() => this.#revoke(asked)}>
                ${a.yes}
              </button>
            </div>
          </div>`
        : html`<span id="revoke-title" hidden>${a.revoke}</span>`}
    </dialog>`;
  }
}
customElements.define("bf-accounts", AccountsScreen);

/** A hash by its first signs, as `biofeedback audit list` writes it; a code as it is. */
function shortened(of: string): string {
  return /^[0-9a-f]{64}$/.test(of) ? of.slice(0, 8) : of;
}
