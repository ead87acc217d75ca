/** An invite: who invites, how to be called, and the way in from now on. Once. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { ApiProblem, Unreachable } from "../api.ts";
import { copy } from "../copy.ts";
import { later } from "../copy-later.ts";
import { Part } from "../part.ts";
import { passwordField, typed } from "../parts/password-field.ts";
import { canPasskey, deviceName, makePasskey } from "../passkey.ts";
import { saidWords, waitWords } from "../sign-in-words.ts";
import { type Invited, shared } from "../together-api.ts";
import { who } from "../who.ts";
import { whenWords } from "../words.ts";

const SHORTEST_PASSWORD = 10;

type Step = "looking" | "spent" | "away" | "names" | "in";

export class InviteScreen extends Part {
  static override properties = {
    token: { attribute: false },
    step: { state: true },
    invited: { state: true },
    passkeys: { state: true },
    busy: { state: true },
    said: { state: true },
  };
  declare token: string;
  /** "in": the invite is used and somebody is signed in, though without a way in yet. */
  declare step: Step;
  declare invited: Invited | null;
  declare passkeys: boolean;
  declare busy: boolean;
  declare said: string;

  constructor() {
    super();
    this.step = "looking";
    this.invited = null;
    this.passkeys = false;
    this.busy = false;
    this.said = "";
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("token") && this.token) void this.#look();
  }

  async #look(): Promise<void> {
    this.step = "looking";
    this.said = "";
    try {
      const [invited, doors] = await Promise.all([shared.lookAtInvite(this.token), shared.doors()]);
      this.invited = invited;
      this.passkeys = doors.passkeys && canPasskey;
      this.step = "names";
    } catch (problem) {
      this.step = problem instanceof ApiProblem && problem.status === 404 ? "spent" : "away";
      this.said = problem instanceof ApiProblem && problem.status === 429 ? waitWords(problem.waitS) : saidWords(problem);
    }
    await this.updateComplete;
    this.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
  }

  /** The names, where they are asked for; null while one of them is missing. */
  #names(): { name?: string; display?: string } | null {
    if (this.invited?.for_account) return {};
    const [name, display] = [typed(this, "username").trim(), typed(this, "display").trim()];
    if (name !== "" && display !== "") return { name, display };
    this.said = later.invite.namesFirst;
    this.querySelector<HTMLInputElement>(name === "" ? "[name=username]" : "[name=display]")?.focus();
    return null;
  }

  async #try(act: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.said = copy.wait;
    try {
      await act();
    } catch (problem) {
      this.said = problem instanceof ApiProblem && problem.status === 429 ? waitWords(problem.waitS) : saidWords(problem);
      if (problem instanceof ApiProblem && problem.status === 404) this.step = "spent";
      else if (problem instanceof Unreachable) this.said = copy.unreachable;
    }
    this.busy = false;
  }

  #withPasskey(): void {
    const names = this.step === "in" ? {} : this.#names();
    if (!names) return;
    void this.#try(async () => {
      if (this.step !== "in") {
        who.me = await shared.acceptInvite(this.token, names);
        this.step = "in";
      }
      this.said = later.signIn.asking;
      const made = await makePasskey(await shared.newPasskey());
      if (made) {
        await shared.keepPasskey(made, deviceName());
        this.tell("who");
      } else this.said = later.invite.noKey;
    });
  }

  readonly #withPassword = (event: SubmitEvent): void => {
    event.preventDefault();
    const names = this.step === "in" ? {} : this.#names();
    if (!names) return;
    const password = typed(this, "password");
    if (password.length < SHORTEST_PASSWORD) {
      this.said = later.invite.shortPassword;
      this.querySelector<HTMLInputElement>("[name=password]")?.focus();
      return;
    }
    void this.#try(async () => {
      if (this.step === "in") await shared.changePassword(null, password);
      else who.me = await shared.acceptInvite(this.token, { ...names, password });
      this.tell("who");
    });
  };

  protected override render(): TemplateResult {
    const c = later.invite;
    if (this.step === "looking") return html`<p class="screen quiet" role="status">${copy.wait}</p>`;
    if (this.step === "spent" || this.step === "away" || !this.invited) {
      const spent = this.step === "spent";
      return html`<section class="screen narrow centred" data-testid="invite-spent">
        <h1 tabindex="-1">${spent ? c.spent : this.said}</h1>
        ${spent ? html`<p class="lead">${c.spentLead}</p>` : nothing}
        ${spent
          ? nothing
          : html`<button class="button primary big" type="button" @click=${() => this.#look()}>${copy.tryAgain}</button>`}
        <button class="button" type="button" data-testid="to-sign-in" @click=${() => this.tell("who")}>${c.signIn}</button>
      </section>`;
    }
    return this.#form(this.invited);
  }

  #form(invited: Invited): TemplateResult {
    const c = later.invite;
    const fresh = !invited.for_account;
    const known = c.roles[invited.role as keyof typeof c.roles] as string | undefined;
    return html`<section class="screen narrow sign-in" data-testid="invite">
      <h1 tabindex="-1">${fresh ? c.title : c.againTitle}</h1>
      <div class="spoken invite-words">
        ${fresh
          ? html`<p>${invited.invited_by ? c.by(invited.invited_by) : c.byNobody} ${known ?? ""}</p>`
          : html`<p>${c.againLead(invited.name ?? "")}</p>`}
        <p class="quiet">${c.until(whenWords(invited.expires_at))}</p>
      </div>
      <form class="sign-in-form" @submit=${this.#withPassword} novalidate>
        ${fresh && this.step !== "in"
          ? html`<label class="field"
                ><span>${c.name}</span><span class="quiet" id="name-hint">${c.nameHint}</span
                ><input name="username" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="60" aria-describedby="name-hint"
              /></label>
              <label class="field"
                ><span>${c.display}</span><span class="quiet" id="display-hint">${c.displayHint}</span
                ><input name="display" autocomplete="nickname" maxlength="60" aria-describedby="display-hint"
              /></label>
              <h2>${c.how}</h2>`
          : nothing}
        ${this.passkeys
          ? html`<button class="button primary big" type="button" data-testid="with-passkey" ?disabled=${this.busy} @click=${() => this.#withPasskey()}>
                ${this.step === "in" ? c.keyAgain : c.passkey}
              </button>
              <p class="quiet">${c.passkeyHow}</p>
              <details class="fold" data-testid="with-password" ?open=${this.step === "in"}>
                <summary><span class="fold-words">${c.passwordInstead}</span></summary>
                <div class="fold-body">${this.#password(false)}</div>
              </details>`
          : this.#password(true)}
      </form>
      <p class="sign-in-said" role="status" data-testid="invite-said">${this.said}</p>
    </section>`;
  }

  #password(primary: boolean): TemplateResult {
    const c = later.invite;
    return html`${passwordField({ name: "password", label: c.password, hint: c.passwordHint, autocomplete: "new-password" })}
      <button class="button big ${primary ? "primary" : ""}" type="submit" data-testid="enter" ?disabled=${this.busy}>
        ${c.enter}
      </button>`;
  }
}
customElements.define("bf-invite", InviteScreen);
