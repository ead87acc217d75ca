/** An invite is made, and its link shown this once. Open ones can be revoked. */

import { html, nothing, type TemplateResult } from "lit";
import { roleWords, words } from "../copy-room.ts";
import { Part } from "../part.ts";
import { admin, type Invite, type Invited, type NewInvite } from "../room-api.ts";
import { whenWords } from "../words.ts";

export class InvitesPart extends Part {
  static override properties = {
    roles: { attribute: false },
    made: { attribute: false },
    invites: { state: true },
    role: { state: true },
    said: { state: true },
    busy: { state: true },
  };
  /** Whom this person may invite. */
  declare roles: readonly Invited[];
  /** The invite whose link is shown now; others may show one here as well. */
  declare made: NewInvite | null;
  declare invites: readonly Invite[] | null;
  declare role: Invited;
  declare said: string;
  declare busy: boolean;

  constructor() {
    super();
    this.roles = ["patient"];
    this.made = null;
    this.invites = null;
    this.role = "patient";
    this.said = "";
    this.busy = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.load();
  }

  async load(): Promise<void> {
    await this.#guard(async () => {
      this.invites = await admin.invites();
      // A link that leads nowhere any more is not left to be passed on.
      const stands = this.invites.some((one) => one.id === this.made?.invite.id && one.state === "open");
      if (!stands) this.made = null;
    });
  }

  async #guard(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  async #make(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (this.busy) return;
    this.busy = true;
    await this.#guard(async () => {
      await this.show(await admin.invite(this.role));
    });
    this.busy = false;
  }

  /** Shows the link of a new invite, wherever it was made. */
  async show(made: NewInvite): Promise<void> {
    this.made = made;
    this.said = "";
    await this.load();
    await this.updateComplete;
    this.querySelector<HTMLInputElement>(".invite-link input")?.select();
  }

  async #copy(): Promise<void> {
    const i = words.invite;
    const field = this.querySelector<HTMLInputElement>(".invite-link input");
    field?.select();
    try {
      await navigator.clipboard.writeText(field?.value ?? "");
      this.said = i.copied;
    } catch {
      this.said = i.notCopied;
    }
  }

  #revoke(invite: Invite): void {
    void this.#guard(async () => {
      await admin.revokeInvite(invite.id);
      if (this.made?.invite.id === invite.id) this.made = null;
      await this.load();
    });
  }

  protected override render(): TemplateResult {
    const i = words.invite;
    const open = (this.invites ?? []).filter((invite) => invite.state === "open");
    const several = this.roles.length > 1;
    return html`<section class="panel" aria-labelledby="invite-title">
      <h2 id="invite-title">${several ? i.title : i.titlePatient}</h2>
      <form class="invite-form" @submit=${this.#make}>
        ${several
          ? html`<label class="field">
              <span>${i.role}</span>
              <select
                data-testid="invite-role"
                @change=${(event: Event) => (this.role = (event.target as HTMLSelectElement).value as Invited)}
              >
                ${this.roles.map(
                  (role) => html`<option value=${role} ?selected=${role === this.role}>${roleWords[role]}</option>`,
                )}
              </select>
            </label>`
          : nothing}
        <button class="button primary" type="submit" data-testid="invite-make" ?disabled=${this.busy}>${i.make}</button>
      </form>
      ${this.made ? this.#link(this.made) : nothing}
      <h3>${i.open}</h3>
      ${open.length === 0 ? html`<p class="quiet">${i.none}</p>` : nothing}
      <ul class="plain-rows" data-testid="invites">
        ${open.map(
          (invite) => html`<li>
            <span
              >${whom(invite)}
              <span class="quiet"
                >${i.expires(whenWords(invite.expires_at))},
                ${invite.invited_by ? i.by(invite.invited_by.display) : i.console}</span
              ></span
            >
            <button
              class="button slim"
              type="button"
              aria-label=${i.revokeOne(roleWords[invite.role])}
              @click=${() => this.#revoke(invite)}
            >
              ${i.revoke}
            </button>
          </li>`,
        )}
      </ul>
    </section>`;
  }

  #link({ invite, url }: NewInvite): TemplateResult {
    const i = words.invite;
    return html`<div class="invite-link notice" data-testid="invite-link">
      <p><strong>${whom(invite)}</strong><span class="block">${i.once}</span></p>
      <label class="field">
        <span>${i.label}</span>
        <input readonly .value=${url} data-testid="invite-url" />
      </label>
      <div class="tools">
        <button class="button primary slim" type="button" data-testid="invite-copy" @click=${() => this.#copy()}>
          ${i.copy}
        </button>
        <button class="button slim" type="button" @click=${() => (this.made = null)}>${i.done}</button>
        <span role="status">${this.said}</span>
      </div>
    </div>`;
  }
}
customElements.define("bf-invites", InvitesPart);

function whom(invite: Invite): string {
  const i = words.invite;
  return invite.for_account ? i.forAccount(invite.for_account.display) : i.for(roleWords[invite.role]);
}
