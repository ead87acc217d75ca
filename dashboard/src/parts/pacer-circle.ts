/** A circle that grows with the breath, between a ring for full and one for empty. */

import { html } from "lit";
import { framesOf, type PacerForm } from "./pacer-form.ts";

/** Lungs are never empty: the smallest circle still holds the word. */
const EMPTY = 0.52;

export const circle: PacerForm = {
  name: "circle",
  template: (word) => html`
    <div class="halo" aria-hidden="true"></div>
    <div class="disc" aria-hidden="true"></div>
    <svg class="ring" viewBox="0 0 100 100" aria-hidden="true">
      <circle class="ring-track" cx="50" cy="50" r="48.5" />
      <circle class="ring-progress" cx="50" cy="50" r="48.5" pathLength="1" />
    </svg>
    <p class="phase-word" data-testid="phase-word">${word}</p>
  `,
  move(root, breath, duration) {
    const disc = root.querySelector<HTMLElement>(".disc");
    if (!disc) return [];
    disc.style.opacity = "";
    const scale = (fullness: number): Keyframe => ({
      transform: `scale(${(EMPTY + (1 - EMPTY) * fullness).toFixed(4)})`,
    });
    return [disc.animate(framesOf(breath, scale), { duration, fill: "both" })];
  },
  /** Nothing grows: the ring shows how far the breath is, and the circle lightens. */
  still(root, { state }) {
    const disc = root.querySelector<HTMLElement>(".disc");
    const ring = root.querySelector<SVGCircleElement>(".ring-progress");
    if (disc) disc.style.opacity = (0.35 + 0.65 * state.fullness).toFixed(2);
    if (ring) ring.style.strokeDashoffset = (1 - state.share).toFixed(3);
  },
};
