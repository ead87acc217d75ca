/** A password: it can be pasted, filled in by the browser, and looked at. */

import { html, type TemplateResult } from "lit";
import { later } from "../copy-later.ts";

export interface PasswordField {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly autocomplete: "current-password" | "new-password";
}

export function passwordField({ name, label, hint = "", autocomplete }: PasswordField): TemplateResult {
  const c = later.signIn;
  const toggle = (event: Event): void => {
    const button = event.currentTarget as HTMLButtonElement;
    const input = button.previousElementSibling as HTMLInputElement;
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.textContent = shown ? c.hide : c.show;
    input.focus();
  };
  return html`<div class="field password">
    <label for=${name}>${label}</label>
    ${hint ? html`<p class="quiet" id="${name}-hint">${hint}</p>` : ""}
    <div class="password-line">
      <input
        id=${name}
        name=${name}
        type="password"
        autocomplete=${autocomplete}
        aria-describedby=${hint ? `${name}-hint` : ""}
        maxlength="200"
        spellcheck="false"
        autocapitalize="none"
      />
      <button class="button slim" type="button" aria-pressed="false" aria-controls=${name} data-testid="show-${name}" @click=${toggle}>
        ${c.show}
      </button>
    </div>
  </div>`;
}

/** What stands in a field of `form`; a password as it is, a name without the space around it. */
export function typed(form: ParentNode, name: string): string {
  return form.querySelector<HTMLInputElement>(`[name="${name}"]`)?.value ?? "";
}
