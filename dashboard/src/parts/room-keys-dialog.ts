/** Which keys there are, and how to change those that mark a moment. */

import { html, nothing, type TemplateResult } from "lit";
import { keyWords, markWords, words } from "../copy-room.ts";
import { Part } from "../part.ts";
import { type Keys, type Mark, marks, readKeys, rebound, usualKeys, writeKeys } from "../room-keys.ts";

export class KeysDialog extends Part {
  static override properties = { keys: { state: true }, open: { state: true } };
  declare keys: Keys;
  declare open: boolean;

  constructor() {
    super();
    this.keys = readKeys();
    this.open = false;
  }

  show(): void {
    this.open = true;
    void this.updateComplete.then(() => this.querySelector("dialog")?.showModal());
  }

  #keep(keys: Keys): void {
    this.keys = keys;
    writeKeys(keys);
    this.tell("keys", keys);
  }

  /** The key itself is pressed in its field; Tab and Escape go their usual way. */
  #press(event: KeyboardEvent, mark: Mark): void {
    if (["Tab", "Escape", "Enter", "Shift"].includes(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#keep(rebound(this.keys, mark, event.key));
  }

  protected override render(): TemplateResult {
    const k = words.keys;
    return html`<dialog
      class="sheet"
      aria-labelledby="keys-title"
      data-testid="keys-dialog"
      @close=${() => (this.open = false)}
    >
      ${this.open ? this.#inside() : nothing}
      <span hidden id="keys-title">${k.title}</span>
    </dialog>`;
  }

  #inside(): TemplateResult {
    const k = words.keys;
    return html`<div class="sheet-inner key-sheet">
      <h2 tabindex="-1" autofocus>${k.title}</h2>
      <section>
        <h3>${k.inRoom}</h3>
        <dl class="key-list">
          ${[
            ["← ↑ → ↓", k.arrows],
            ["Home, End", k.firstLast],
            ["Enter", k.enter],
            ["Esc", k.escape],
            ["?", k.help],
          ].map(
            ([key, what]) => html`<div>
              <dt><kbd>${key}</kbd></dt>
              <dd>${what}</dd>
            </div>`,
          )}
        </dl>
      </section>
      <section>
        <h3>${k.inDetail}</h3>
        <label class="check">
          <input
            type="checkbox"
            data-testid="keys-on"
            .checked=${this.keys.on}
            @change=${(event: Event) => this.#keep({ ...this.keys, on: (event.target as HTMLInputElement).checked })}
          />
          <span>${k.on}</span>
        </label>
        <p class="quiet">${k.change}</p>
        <div class="key-fields">
          ${marks.map(
            (mark) => html`<label class="field inline">
              <span>${markWords[mark]}</span>
              <input
                class="key-field"
                autocomplete="off"
                autocapitalize="off"
                aria-label=${k.keyOf(markWords[mark])}
                data-testid=${`key-${mark}`}
                .value=${keyWords(this.keys.of[mark])}
                @keydown=${(event: KeyboardEvent) => this.#press(event, mark)}
                @input=${(event: Event) => this.#typed(event, mark)}
              />
            </label>`,
          )}
        </div>
      </section>
      <div class="sheet-actions pair">
        <button class="button" type="button" @click=${() => this.#keep({ ...usualKeys, on: this.keys.on })}>
          ${k.usual}
        </button>
        <button class="button primary" type="button" @click=${() => this.querySelector("dialog")?.close()}>
          ${k.close}
        </button>
      </div>
    </div>`;
  }

  /** On a phone's keyboard a letter arrives in the field alone. */
  #typed(event: Event, mark: Mark): void {
    const field = event.target as HTMLInputElement;
    const letter = [...field.value].at(-1) ?? "";
    this.#keep(rebound(this.keys, mark, letter));
    field.value = keyWords(this.keys.of[mark]);
  }
}
customElements.define("bf-room-keys", KeysDialog);
