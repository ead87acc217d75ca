/** "In …", "Out …": large words that slowly grow clear and faint. */

import { html } from "lit";
import { copy } from "../copy.ts";
import { framesOf, type PacerForm } from "./pacer-form.ts";

/** At its faintest a word of this size still has the contrast it needs (3 to 1). */
const FAINT = 0.65;

const clear = (fullness: number): string => (FAINT + (1 - FAINT) * fullness).toFixed(3);
const glow = (fullness: number): string => (0.1 + 0.9 * fullness).toFixed(3);

export const words: PacerForm = {
  name: "words",
  get words() {
    return copy.practice.inOut;
  },
  template: (word) => html`
    <div class="halo glow" aria-hidden="true"></div>
    <p class="phase-word large" data-testid="phase-word">${word}</p>
  `,
  move(root, breath, duration) {
    const found: Animation[] = [];
    for (const [name, opacity] of [
      [".phase-word", clear],
      [".glow", glow],
    ] as const) {
      const part = root.querySelector<HTMLElement>(name);
      if (!part) continue;
      part.style.opacity = "";
      const frames = framesOf(breath, (fullness) => ({ opacity: opacity(fullness) }));
      found.push(part.animate(frames, { duration, fill: "both" }));
    }
    return found;
  },
  still(root, { state }) {
    const word = root.querySelector<HTMLElement>(".phase-word");
    const halo = root.querySelector<HTMLElement>(".glow");
    if (word) word.style.opacity = clear(state.fullness);
    if (halo) halo.style.opacity = glow(state.fullness);
  },
};
