/**
 * Help: same place on every screen, one tap, no network, nothing recorded. The words
 * are part of the script, so this opens when the service is gone and signed out.
 */

import { html, nothing, type TemplateResult } from "lit";
import { copy, locale } from "../copy.ts";
import { countryCode } from "../country.ts";
import { follow, Part } from "../part.ts";
import { preferences } from "../preferences.ts";
import { askFirst } from "./ask-first.ts";

interface Country {
  readonly name: string;
  readonly emergency: string;
  readonly lines: readonly { readonly what: string; readonly call: string }[];
}

/** Opens Help from elsewhere on the page: the nearest, where a sheet has its own. */
export function openHelp(event: Event): void {
  const sheet = event.target instanceof Element ? event.target.closest("dialog") : null;
  const help = sheet?.querySelector<HelpPart>("bf-help") ?? document.querySelector<HelpPart>("bf-help");
  help?.open();
}

export class HelpPart extends Part {
  static override properties = { testid: { type: String } };
  declare testid: string;
  #unfollow: (() => void) | undefined;

  constructor() {
    super();
    this.testid = "help";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unfollow = follow(preferences, () => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unfollow?.();
  }

  open(): void {
    this.querySelector("dialog")?.showModal();
  }

  #close(): void {
    this.querySelector("dialog")?.close();
  }

  protected override render(): TemplateResult {
    const c = copy.crisis;
    return html`
      <button
        class="button help-button"
        type="button"
        data-testid=${this.testid}
        aria-haspopup="dialog"
        @click=${() => this.open()}
      >
        ${copy.help}
      </button>
      <dialog class="sheet help-sheet" aria-label=${c.title} data-testid="${this.testid}-dialog">
        <div class="sheet-inner">
          <h2>${c.title}</h2>
          <p class="plain-note">${c.watching}</p>
          ${this.#crisis()} ${section(c.breath, c.breathLines)} ${section(c.asleep, c.asleepLines)}
          <section>
            <h3>${c.overdose}</h3>
            <ul class="plain-list">
              ${c.overdoseSigns.map((sign) => html`<li>${sign}</li>`)}
            </ul>
            ${c.overdoseLines.map((line) => html`<p>${line}</p>`)}
          </section>
          <details class="fold" data-testid="${this.testid}-first">
            <summary>${copy.first.title}</summary>
            <div class="fold-body">${askFirst(3)}</div>
          </details>
          ${section(c.what, [c.about, c.aboutMore, c.medicine])}
          <p class="quiet">${c.private}</p>
          <div class="sheet-actions">
            <button class="button primary" type="button" @click=${this.#close}>${c.close}</button>
          </div>
        </div>
      </dialog>
    `;
  }

  #crisis(): TemplateResult {
    const c = copy.crisis;
    const known: Readonly<Record<string, Country>> = c.countries;
    const code = countryCode(preferences.get("country"), navigator.languages, Object.keys(known));
    const own = code === undefined ? undefined : known[code];
    const others = Object.values(known)
      .filter((one) => one !== own)
      .sort((one, other) => one.name.localeCompare(other.name, locale));
    return html`<section>
      <h3>${c.now}</h3>
      ${own ? country(own) : nothing}
      <p>${c.elsewhere}</p>
      <details class="fold" ?open=${!own} data-testid="${this.testid}-others">
        <summary>${c.others}</summary>
        <div class="fold-body">${others.map(country)}</div>
      </details>
    </section>`;
  }
}
customElements.define("bf-help", HelpPart);

function country(one: Country): TemplateResult {
  const line = (what: string, call: string): TemplateResult =>
    html`<li><a class="line" href="tel:${call}">${what}</a></li>`;
  return html`<div class="country">
    <p class="where">${one.name}</p>
    <ul class="lines">
      ${one.lines.map(({ what, call }) => line(what, call))}
      ${line(copy.crisis.emergency(one.emergency), one.emergency)}
    </ul>
  </div>`;
}

function section(title: string, lines: readonly string[]): TemplateResult {
  return html`<section>
    <h3>${title}</h3>
    ${lines.map((line) => html`<p>${line}</p>`)}
  </section>`;
}
