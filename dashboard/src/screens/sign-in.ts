/**
 * Before the door. Where one person uses the place, there is nothing to type: it says
 * which link to open. Where several do: a passkey, or a name and a password.
 */

import { html, nothing, type TemplateResult } from "lit";
import { ApiProblem } from "../api.ts";
import { copy } from "../copy.ts";
import { later } from "../copy-later.ts";
import { Part } from "../part.ts";
import { passwordField, typed } from "../parts/password-field.ts";
import { askPasskey, canPasskey } from "../passkey.ts";
import { signInWords } from "../sign-in-words.ts";
import { type Doors, shared } from "../together-api.ts";
import type { Me } from "../who.ts";

export class SignInScreen extends Part {
  static override properties = {
    doors: { state: true },
    busy: { state: true },
    said: { state: true },
    again: { type: Boolean },
    asked: { state: true },
  };
  /** In a session that goes on: short, until the person wants to. */
  declare again: boolean;
  declare asked: boolean;
  declare doors: Doors | null;
  declare busy: boolean;
  declare said: string;

  constructor() {
    super();
    this.doors = null;
    this.busy = false;
    this.said = "";
    this.again = false;
    this.asked = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  async #load(): Promise<void> {
    try {
      this.doors = await shared.doors();
    } catch {
      this.doors = { shared: false, passkeys: false };
    }
    if (this.again) return; // nobody is taken away from their breath
    await this.updateComplete;
    this.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
  }

  async #try(act: () => Promise<Me | null>, unknown401 = ""): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      const me = await act();
      if (me) return this.tell("who", me);
    } catch (problem) {
      const refused = problem instanceof ApiProblem && problem.status === 401;
      this.said = refused && unknown401 ? unknown401 : signInWords(problem);
    }
    this.busy = false;
  }

  #byPasskey(): void {
    const c = later.signIn;
    void this.#try(async () => {
      this.said = c.asking;
      const found = await askPasskey(await shared.passkeyAsked());
      if (found) return shared.byPasskey(found);
      this.said = c.stopped;
      return null;
    }, c.notKnownKey);
  }

  readonly #byPassword = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const [name, password] = [typed(form, "username").trim(), typed(form, "password")];
    if (name === "" || password === "") {
      this.said = later.signIn.empty;
      form.querySelector<HTMLInputElement>(name === "" ? "[name=username]" : "[name=password]")?.focus();
      return;
    }
    this.said = copy.wait;
    void this.#try(() => shared.byPassword(name, password));
  };

  protected override render(): TemplateResult {
    if (this.again) return this.#again();
    if (!this.doors) return html`<p class="screen quiet">${copy.opening}</p>`;
    return this.doors.shared ? this.#shared(this.doors) : this.#link();
  }

  /** Over the page of a session. */
  #again(): TemplateResult {
    const c = later.signIn;
    return html`<section class="notice signed-out" data-testid="signed-out">
      <div role="status"><p>${c.out}</p><p>${c.outLead}</p></div>
      ${!this.doors
        ? nothing
        : !this.doors.shared
          ? html`<p>${c.link.lead}</p>`
          : this.asked
            ? this.#ways(this.doors)
            : html`<button class="button" type="button" data-testid="sign-in-again" @click=${() => this.#ask()}>${c.title}</button>`}
    </section>`;
  }

  async #ask(): Promise<void> {
    this.asked = true;
    await this.updateComplete;
    this.querySelector<HTMLElement>("[data-testid=by-passkey], [name=username]")?.focus();
  }

  #link(): TemplateResult {
    const c = later.signIn.link;
    return html`<section class="screen narrow centred">
      <div class="emblem" aria-hidden="true"></div>
      <h1 tabindex="-1">${c.title}</h1>
      <p class="lead">${c.lead}</p>
      <p class="quiet">${c.again}</p>
    </section>`;
  }

  #shared(doors: Doors): TemplateResult {
    return html`<section class="screen narrow sign-in" data-testid="sign-in">
      <h1 tabindex="-1">${later.signIn.title}</h1>
      ${this.#ways(doors)}
    </section>`;
  }

  #ways({ passkeys }: Doors): TemplateResult {
    const c = later.signIn;
    const easy = passkeys && canPasskey;
    return html`${easy
        ? html`<button class="button primary big" type="button" data-testid="by-passkey" ?disabled=${this.busy} @click=${() => this.#byPasskey()}>
              ${c.passkey}
            </button>
            <p class="quiet">${c.passkeyHow}</p>
            <h2>${c.or}</h2>`
        : nothing}
      <form class="sign-in-form" @submit=${this.#byPassword} novalidate>
        <label class="field"
          ><span>${c.name}</span
          ><input name="username" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="60"
        /></label>
        ${passwordField({ name: "password", label: c.password, autocomplete: "current-password" })}
        <button class="button big ${easy ? "" : "primary"}" type="submit" data-testid="by-password" ?disabled=${this.busy}>
          ${c.enter}
        </button>
      </form>
      <p class="sign-in-said" role="status" data-testid="sign-in-said">${this.said}</p>
      <p class="quiet">${c.lost}</p>`;
  }
}
customElements.define("bf-sign-in", SignInScreen);
