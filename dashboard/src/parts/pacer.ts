/**
 * The breathing circle. It follows the schedule by its own clock, so it keeps its
 * pace when the service is gone. With less motion asked for, nothing grows: the ring
 * shows how far the breath is, and the circle slowly lightens and darkens.
 */

import { html, type TemplateResult } from "lit";
import { copy, phaseWords } from "../copy.ts";
import type { Feed } from "../feed.ts";
import { frames, stillness } from "../motion.ts";
import { type Phase, stateAt } from "../pacer.ts";
import { Part } from "../part.ts";

/** Lungs are never empty: the smallest circle still holds the word. */
const EMPTY = 0.52;

export class PacerPart extends Part {
  static override properties = { feed: { attribute: false } };
  declare feed: Feed;
  #end: (() => void) | undefined;
  #lastMs = 0;
  #phase: Phase | "" = "";

  override connectedCallback(): void {
    super.connectedCallback();
    this.#end = frames((nowMs) => this.#draw(nowMs), () => (stillness() ? 10 : 60));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#end?.();
  }

  #draw(localMs: number): void {
    if (!this.hasUpdated) return;
    if (localMs - this.#lastMs > 2000) this.feed.resync(); // the page slept
    this.#lastMs = localMs;
    const nowMs = this.feed.nowMs();
    const state = nowMs === null ? null : stateAt(this.feed.schedule, nowMs);
    if (!state) return;
    const disc = this.querySelector<HTMLElement>(".disc");
    const word = this.querySelector<HTMLElement>(".phase-word");
    const ring = this.querySelector<SVGCircleElement>(".ring-progress");
    if (!disc || !word || !ring) return;
    if (stillness()) {
      disc.style.transform = "";
      disc.style.opacity = (0.35 + 0.65 * state.fullness).toFixed(2);
      ring.style.strokeDashoffset = (1 - state.share).toFixed(3);
    } else {
      disc.style.opacity = "";
      disc.style.transform = `scale(${(EMPTY + (1 - EMPTY) * state.fullness).toFixed(4)})`;
    }
    if (state.phase !== this.#phase) {
      this.#phase = state.phase;
      word.textContent = phaseWords[state.phase];
      this.dataset["phase"] = state.phase;
    }
  }

  protected override render(): TemplateResult {
    return html`
      <div class="pacer" data-testid="pacer">
        <div class="halo" aria-hidden="true"></div>
        <div class="disc" aria-hidden="true"></div>
        <svg class="ring" viewBox="0 0 100 100" aria-hidden="true">
          <circle class="ring-track" cx="50" cy="50" r="48.5" />
          <circle class="ring-progress" cx="50" cy="50" r="48.5" pathLength="1" />
        </svg>
        <p class="phase-word" data-testid="phase-word">${copy.wait}</p>
      </div>
    `;
  }
}
customElements.define("bf-pacer", PacerPart);
