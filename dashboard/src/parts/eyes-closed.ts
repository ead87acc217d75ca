/**
 * A practice for somebody who does not look: the page is dark and still, and the lower
 * part of it is one button. A tap tells by voice how much is left and is answered by a
 * pulse; a second tap soon after finishes. Above it, as wide, is the stop.
 */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { answerByTouch, confirmByTouch } from "../haptics.ts";
import { Part } from "../part.ts";
import { say } from "../speech.ts";

/** So long a second tap counts as one with the first. */
const AGAIN_MS = 8000;
/** Two touches within this are one shaking hand. */
const ONE_TOUCH_MS = 400;

export class EyesClosedPart extends Part {
  static override properties = {
    left: {},
    asked: { state: true },
  };
  /** How much is left, in words. */
  declare left: string;
  declare asked: boolean;
  #askedMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.left = "";
    this.asked = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.documentElement.dataset["eyes"] = "closed";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    delete document.documentElement.dataset["eyes"];
  }

  #tap(): void {
    const nowMs = performance.now();
    const sinceMs = nowMs - this.#askedMs;
    if (sinceMs < ONE_TOUCH_MS) return;
    if (sinceMs < AGAIN_MS) {
      confirmByTouch();
      say(copy.spoken.finish);
      this.tell("finish");
      return;
    }
    this.#askedMs = nowMs;
    this.asked = true;
    answerByTouch();
    say(copy.spoken.here(this.left));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.asked = false), AGAIN_MS);
  }

  protected override render(): TemplateResult {
    const c = copy.closed;
    return html`<div class="eyes-closed" data-testid="eyes-closed">
      <button
        class="eyes-area"
        type="button"
        data-testid="eyes-area"
        @click=${() => this.#tap()}
      >
        <span class="eyes-words">${this.asked ? c.again : c.lead}</span>
        <span class="quiet">${this.asked ? this.left : c.here}</span>
      </button>
      <button class="button slim" type="button" data-testid="eyes-open" @click=${() => this.tell("open-eyes")}>
        ${c.open}
      </button>
    </div>`;
  }
}
customElements.define("bf-eyes-closed", EyesClosedPart);
