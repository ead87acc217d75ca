/**
 * "Dizzy? Stop here": a strip as wide as the page. A tap on it, Space or Escape tells
 * `stop-now` at once. It hears keys only while it is on the page.
 */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { Part } from "../part.ts";

/** What Space already means something to. */
const OWN_SPACE = "a, button, input, select, summary, textarea, audio, video, [contenteditable], [role=slider]";

export class StopStrip extends Part {
  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("keydown", this.#key);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("keydown", this.#key);
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.repeat) return;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    // In a dialog Escape closes it, and Space may be meant for what it holds.
    if (document.querySelector("dialog[open]")) return;
    const focused = document.activeElement;
    const space = event.key === " " && !focused?.matches(OWN_SPACE);
    if (!space && event.key !== "Escape") return;
    event.preventDefault();
    this.tell("stop-now");
  };

  protected override render(): TemplateResult {
    return html`<button
      class="stop-strip"
      type="button"
      data-testid="stop-now"
      aria-keyshortcuts="Escape Space"
      @click=${() => this.tell("stop-now")}
    >
      ${copy.dizzy.strip}
    </button>`;
  }
}
customElements.define("bf-stop-strip", StopStrip);
