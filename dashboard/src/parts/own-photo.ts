/** A photo of one's own to look at: chosen, shown and removed on this device. */

import { html, nothing, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { Part } from "../part.ts";
import { keepPhoto, keptPhoto, removePhoto } from "../photo-shelf.ts";

export class OwnPhoto extends Part {
  static override properties = { address: { state: true }, trouble: { state: true } };
  declare address: string;
  declare trouble: string;

  constructor() {
    super();
    this.address = "";
    this.trouble = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void keptPhoto().then(
      (photo) => photo && this.#show(photo),
      () => undefined, // nothing is kept where nothing can be
    );
  }

  /** As text, since the page's own rules let it show nothing but its own files and text. */
  #show(photo: Blob): void {
    const reader = new FileReader();
    reader.onload = () => (this.address = String(reader.result));
    reader.readAsDataURL(photo);
  }

  async #choose(event: Event): Promise<void> {
    const photo = (event.target as HTMLInputElement).files?.[0];
    if (!photo) return;
    this.#show(photo);
    this.trouble = "";
    try {
      await keepPhoto(photo);
    } catch {
      this.trouble = copy.script.photo.noRoom;
    }
  }

  /** Some photos are written in a way this browser cannot read. */
  #unreadable(): void {
    void this.#remove();
    this.trouble = copy.script.photo.unreadable;
  }

  async #remove(): Promise<void> {
    this.address = "";
    await removePhoto().catch(() => undefined);
  }

  protected override render(): TemplateResult {
    const c = copy.script.photo;
    return html`<div class="own-photo" data-testid="own-photo">
      ${this.address
        ? html`<img src=${this.address} alt=${c.title} @error=${() => this.#unreadable()} />`
        : nothing}
      <div class="own-photo-actions">
        <label class="button slim">
          ${this.address ? c.other : c.choose}
          <input class="sr-only" type="file" accept="image/*" data-testid="photo" @change=${this.#choose} />
        </label>
        ${this.address
          ? html`<button class="button slim" type="button" data-testid="remove-photo" @click=${this.#remove}>
              ${c.remove}
            </button>`
          : nothing}
      </div>
      <p class="quiet" role="status">${this.trouble || c.note}</p>
    </div>`;
  }
}
customElements.define("bf-own-photo", OwnPhoto);
