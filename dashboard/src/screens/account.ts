/** One's own account: passkeys, password, and the way out. */

import { html, nothing, type TemplateResult } from "lit";
import { ApiProblem } from "../api.ts";
import { copy } from "../copy.ts";
import { later } from "../copy-later.ts";
import { dayOfWords } from "../day-words.ts";
import { diaryBox } from "../diary-box.ts";
import { Part } from "../part.ts";
import { passwordField, typed } from "../parts/password-field.ts";
import { canPasskey, deviceName, makePasskey } from "../passkey.ts";
import { go } from "../router.ts";
import { saidWords, waitWords } from "../sign-in-words.ts";
import { type Passkey, shared } from "../together-api.ts";
import { who } from "../who.ts";

type Place = "passkeys" | "password" | "out";

export class AccountScreen extends Part {
  static override properties = {
    passkeys: { state: true },
    able: { state: true },
    changing: { state: true },
    busy: { state: true },
    said: { state: true },
  };
  declare passkeys: readonly Passkey[] | null;
  /** Whether passkeys work here. */
  declare able: boolean;
  declare changing: boolean;
  declare busy: boolean;
  /** What became of the last tap, at its place. */
  declare said: { readonly at: Place; readonly words: string };

  constructor() {
    super();
    this.passkeys = null;
    this.able = false;
    this.changing = false;
    this.busy = false;
    this.said = { at: "out", words: "" };
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (who.me?.shared) void this.#load();
  }

  async #load(): Promise<void> {
    try {
      const [passkeys, doors] = await Promise.all([shared.passkeys(), shared.doors()]);
      this.passkeys = passkeys;
      this.able = doors.passkeys && canPasskey;
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  async #try(at: Place, act: () => Promise<string>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.said = { at, words: copy.wait };
    try {
      this.said = { at, words: await act() };
    } catch (problem) {
      this.said = { at, words: this.#refusal(problem) };
    }
    this.busy = false;
  }

  #refusal(problem: unknown): string {
    const c = later.account;
    if (!(problem instanceof ApiProblem)) return saidWords(problem);
    if (problem.status === 429) return waitWords(problem.waitS);
    if (problem.reason === "sign_in_again") return c.oldSignIn;
    if (problem.reason === "wrong_password") return c.oldDiffers;
    return saidWords(problem);
  }

  #add(): void {
    void this.#try("passkeys", async () => {
      const made = await makePasskey(await shared.newPasskey());
      if (!made) return later.signIn.stopped;
      await shared.keepPasskey(made, deviceName());
      this.passkeys = await shared.passkeys();
      return later.account.added;
    });
  }

  #remove(id: string): void {
    void this.#try("passkeys", async () => {
      try {
        await shared.removePasskey(id);
      } catch (problem) {
        if (problem instanceof ApiProblem && problem.status === 409) return later.account.onlyWay;
        throw problem;
      }
      this.passkeys = await shared.passkeys();
      return later.account.removed;
    });
  }

  readonly #change = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const [old, fresh] = [typed(form, "old-password"), typed(form, "new-password")];
    void this.#try("password", async () => {
      await shared.changePassword(old === "" ? null : old, fresh);
      this.changing = false;
      return later.account.changed;
    });
  };

  async #out(everywhere: boolean): Promise<void> {
    await this.#try("out", async () => {
      await diaryBox.flush();
      await shared.signOut(everywhere);
      who.me = null;
      go("home");
      this.tell("who");
      return "";
    });
  }

  protected override render(): TemplateResult {
    const c = later.account;
    const { me } = who;
    if (!me?.shared) {
      return html`<section class="screen narrow settings">
        <h1 tabindex="-1">${copy.account}</h1>
        <p class="lead">${later.sharing.alone}</p>
        <nav class="stack"><a class="button" href="#home">${copy.home}</a></nav>
      </section>`;
    }
    return html`<section class="screen narrow settings" data-testid="account">
      <h1 tabindex="-1">${copy.account}</h1>
      <dl class="account-names">
        <dt>${c.as}</dt>
        <dd>${me.display}</dd>
        <dt>${c.signedAs}</dt>
        <dd>${me.name}</dd>
      </dl>
      <p class="quiet" data-testid="seen-as">${me.role === "patient" ? c.asLead : c.asStaff} ${c.seenAs} <span class="code-name">${me.person.pseudonym}</span>.</p>
      <section class="setting-section" aria-labelledby="passkeys-title">
        <h2 id="passkeys-title">${c.passkeys}</h2>
        <p class="quiet">${this.able || this.passkeys?.length ? c.passkeysLead : c.notHere}</p>
        ${this.passkeys?.length === 0 && this.able ? html`<p>${c.none}</p>` : nothing}
        <ul class="keys-list">
          ${this.passkeys?.map((key) => this.#key(key))}
        </ul>
        ${this.able
          ? html`<button class="button setting-try" type="button" data-testid="add-passkey" ?disabled=${this.busy} @click=${() => this.#add()}>
              ${c.add}
            </button>`
          : nothing}
        ${this.#words("passkeys")}
      </section>
      <section class="setting-section" aria-labelledby="password-title">
        <h2 id="password-title">${c.password}</h2>
        ${this.changing
          ? html`<form class="sign-in-form" @submit=${this.#change} novalidate>
              <input class="sr-only" name="username" autocomplete="username" .value=${me.name ?? ""} tabindex="-1" aria-hidden="true" readonly />
              ${passwordField({ name: "old-password", label: c.old, hint: c.oldHint, autocomplete: "current-password" })}
              ${passwordField({ name: "new-password", label: c.new, hint: later.invite.passwordHint, autocomplete: "new-password" })}
              <button class="button primary" type="submit" data-testid="save-password" ?disabled=${this.busy}>${c.save}</button>
            </form>`
          : html`<button class="button setting-try" type="button" data-testid="change-password" @click=${() => this.#open()}>
              ${c.change}
            </button>`}
        ${this.#words("password")}
      </section>
      <section class="setting-section" aria-label=${c.out}>
        <button class="button" type="button" data-testid="sign-out" ?disabled=${this.busy} @click=${() => this.#out(false)}>
          ${c.out}
        </button>
        <button class="button" type="button" data-testid="sign-out-everywhere" aria-describedby="everywhere-lead" ?disabled=${this.busy} @click=${() => this.#out(true)}>
          ${c.everywhere}
        </button>
        <p class="quiet" id="everywhere-lead">${c.everywhereLead}</p>
        <p class="quiet">${c.leaves}</p>
        ${this.#words("out")}
      </section>
      <nav class="stack"><a class="button" href="#settings">${copy.settings.title}</a></nav>
    </section>`;
  }

  async #open(): Promise<void> {
    this.changing = true;
    this.said = { at: "password", words: "" };
    await this.updateComplete;
    this.querySelector<HTMLInputElement>("[name=old-password]")?.focus();
  }

  #words(at: Place): TemplateResult {
    return html`<p class="setting-said" role="status" data-testid="said-${at}">${this.said.at === at ? this.said.words : ""}</p>`;
  }

  #key({ id, label, created_at, last_used_at }: Passkey): TemplateResult {
    const c = later.account;
    const name = label || c.unnamed;
    const made = dayOfWords(created_at);
    return html`<li class="row" data-testid="passkey">
      <span class="card-words">
        <span class="card-name">${name}</span>
        <span class="quiet">${c.made(made)} ${last_used_at ? c.used(dayOfWords(last_used_at)) : ""}</span>
      </span>
      <button class="button slim" type="button" aria-label=${c.removeOf(name, made)} ?disabled=${this.busy} @click=${() => this.#remove(id)}>
        ${c.remove}
      </button>
    </li>`;
  }
}
customElements.define("bf-account", AccountScreen);
