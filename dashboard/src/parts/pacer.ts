/**
 * The breathing circle. It follows the schedule by its own clock, so it keeps its
 * pace when the service is gone. Each breath is handed to the browser's compositor as
 * one animation sampled from the pure function in `pacer.ts`: sixty smooth frames a
 * second, and next to no script. With less motion asked for, nothing grows: the ring
 * shows how far the breath is, and the circle slowly lightens and darkens.
 */

import { html, type TemplateResult } from "lit";
import { copy, phaseWords } from "../copy.ts";
import type { Feed } from "../feed.ts";
import { stillness } from "../motion.ts";
import { active, type PacerPart as Pace, type PacerState, phaseEndMs, stateAt } from "../pacer.ts";
import { Part } from "../part.ts";

/** Lungs are never empty: the smallest circle still holds the word. */
const EMPTY = 0.52;
const SAMPLES = 60;
const LOOK_EVERY_MS = 250;
const STILL_EVERY_MS = 100;
/** A circle this far from the clock is put right; less is not seen. */
const OFF_MS = 12;
const SLEPT_MS = 2500;

export class PacerPart extends Part {
  static override properties = { feed: { attribute: false } };
  declare feed: Feed;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastMs = performance.now();
  #breath: { part: Pace; startMs: number; animation: Animation } | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#look();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    this.#forget();
  }

  /** Looks at the clock, puts everything right, and knows when to look again. */
  #look(): void {
    const localMs = performance.now();
    if (localMs - this.#lastMs > SLEPT_MS) this.feed.resync(); // the computer slept
    this.#lastMs = localMs;
    const nowMs = this.feed.nowMs();
    const state = nowMs === null ? null : stateAt(this.feed.schedule, nowMs);
    let waitMs = LOOK_EVERY_MS;
    if (nowMs !== null && state && this.hasUpdated) {
      this.#say(state);
      if (stillness()) {
        this.#still(state);
        waitMs = STILL_EVERY_MS;
      } else this.#move(nowMs, state);
      const speed = this.feed.session.speed ?? 1;
      const part = active(this.feed.schedule, nowMs);
      if (part) waitMs = Math.min(waitMs, (phaseEndMs(part, state) - nowMs) / speed + 1);
    }
    this.#timer = setTimeout(() => this.#look(), Math.max(waitMs, 4));
  }

  #say(state: PacerState): void {
    if (this.dataset["phase"] === state.phase) return;
    this.dataset["phase"] = state.phase;
    const word = this.querySelector(".phase-word");
    if (word) word.textContent = phaseWords[state.phase];
  }

  #move(nowMs: number, state: PacerState): void {
    const disc = this.querySelector<HTMLElement>(".disc");
    const part = active(this.feed.schedule, nowMs);
    if (!disc || !part) return;
    const speed = this.feed.session.speed ?? 1;
    const atMs = (nowMs - state.breath_start_ms) / speed;
    if (this.#breath?.part !== part || this.#breath.startMs !== state.breath_start_ms) {
      this.#forget();
      disc.style.opacity = "";
      const lengthMs = state.breath_end_ms - state.breath_start_ms;
      const frames = Array.from({ length: SAMPLES + 1 }, (_, i) => {
        // The last sample belongs to this breath, not to the next one.
        const tMs = Math.min(state.breath_start_ms + (i / SAMPLES) * lengthMs, state.breath_end_ms - 1e-3);
        const fullness = stateAt([part], tMs)?.fullness ?? 0;
        return { transform: `scale(${(EMPTY + (1 - EMPTY) * fullness).toFixed(4)})` };
      });
      const animation = disc.animate(frames, { duration: lengthMs / speed, fill: "both" });
      this.#breath = { part, startMs: state.breath_start_ms, animation };
      animation.currentTime = atMs;
    } else if (Math.abs(Number(this.#breath.animation.currentTime ?? 0) - atMs) > OFF_MS) {
      this.#breath.animation.currentTime = atMs;
    }
  }

  #still(state: PacerState): void {
    this.#forget();
    const disc = this.querySelector<HTMLElement>(".disc");
    const ring = this.querySelector<SVGCircleElement>(".ring-progress");
    if (disc) disc.style.opacity = (0.35 + 0.65 * state.fullness).toFixed(2);
    if (ring) ring.style.strokeDashoffset = (1 - state.share).toFixed(3);
  }

  #forget(): void {
    this.#breath?.animation.cancel();
    this.#breath = null;
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
