/**
 * Three doors, offered after a very high rating and never forced: a minute of looking
 * around, someone to call, the crisis line. Nobody is told; nothing is recorded.
 */

import { html, type TemplateResult } from "lit";
import { type Contact, dialled, keepContact, keptContact } from "../contact.ts";
import { copy } from "../copy.ts";
import { Part } from "../part.ts";
import { openHelp } from "./help.ts";

export class Doors extends Part {
  static override properties = { contact: { state: true }, trouble: { state: true } };
  declare contact: Contact | null;
  declare trouble: string;

  constructor() {
    super();
    this.contact = keptContact();
    this.trouble = "";
  }

  /** Typed here it is a name or a number, and never an answer to the question above. */
  readonly #key = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key !== "Enter") return;
    event.preventDefault();
    this.#keep();
  };

  #keep(): void {
    const typed = (name: string): string =>
      this.querySelector<HTMLInputElement>(`[name="contact-${name}"]`)?.value.trim() ?? "";
    const name = typed("name");
    const number = typed("number");
    if (dialled(number) === null) this.trouble = copy.doors.badNumber;
    else if (name === "") this.trouble = copy.doors.noName;
    else this.#hold({ name, number });
  }

  #hold(contact: Contact | null): void {
    keepContact(contact);
    this.contact = contact;
    this.trouble = "";
  }

  protected override render(): TemplateResult {
    const c = copy.doors;
    return html`<section class="doors" aria-label=${c.title} data-testid="doors">
      <p>${c.title}. ${c.lead}</p>
      <details class="plain-note more">
        <summary>${c.ground}</summary>
        ${c.groundLines.map((line) => html`<p>${line}</p>`)}
      </details>
      <details class="plain-note more">
        <summary>${c.people}</summary>
        ${this.contact ? this.#call(this.contact) : this.#entry()}
        <p>${c.kept}</p>
      </details>
      <button class="button" type="button" data-testid="door-line" aria-describedby="door-hint" @click=${openHelp}>
        ${c.line}
      </button>
      <p class="quiet" id="door-hint">${c.lineHint}</p>
    </section>`;
  }

  #call({ name, number }: Contact): TemplateResult {
    const c = copy.doors;
    return html`<div class="doors-call">
      <a class="button primary" href="tel:${dialled(number) ?? ""}">${c.call(name)}</a>
      <button class="button slim" type="button" @click=${() => this.#hold(null)}>${c.remove}</button>
    </div>`;
  }

  #entry(): TemplateResult {
    const c = copy.doors;
    return html`<div class="doors-contact" @keydown=${this.#key}>
        <label class="field"><span>${c.who}</span><input name="contact-name" maxlength="60" /></label>
        <label class="field"
          ><span>${c.number}</span><input name="contact-number" type="tel" inputmode="tel" maxlength="30"
        /></label>
        <button class="button" type="button" data-testid="keep-contact" @click=${() => this.#keep()}>${c.save}</button>
      </div>
      <p role="status">${this.trouble}</p>`;
  }
}
customElements.define("bf-doors", Doors);
