/** A bar that fills as you breathe in, and empties as you breathe out. */

import { html } from "lit";
import { framesOf, type PacerForm } from "./pacer-form.ts";

const lift = (fullness: number): string => `translateY(${((1 - fullness) * 100).toFixed(2)}%)`;

export const bar: PacerForm = {
  name: "bar",
  template: (word) => html`
    <div class="tube" aria-hidden="true"><div class="tube-fill"></div></div>
    <p class="phase-word" data-testid="phase-word">${word}</p>
  `,
  move(root, breath, duration) {
    const fill = root.querySelector<HTMLElement>(".tube-fill");
    if (!fill) return [];
    fill.style.transform = "";
    const frames = framesOf(breath, (fullness) => ({ transform: lift(fullness) }));
    return [fill.animate(frames, { duration, fill: "both" })];
  },
  /** The level of a bar is the quiet alternative itself. */
  still(root, { state }) {
    const fill = root.querySelector<HTMLElement>(".tube-fill");
    if (fill) fill.style.transform = lift(state.fullness);
  },
};
