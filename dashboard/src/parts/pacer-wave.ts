/** A dot that rides a wave: what comes next is seen before it comes. */

import { html } from "lit";
import { stateAt } from "../pacer.ts";
import { type Breath, framesOf, type PacerForm } from "./pacer-form.ts";

/** How much of the breath is seen at once, before the dot and after it. */
const PAST_MS = 4_000;
const AHEAD_MS = 9_000;
const SPAN_MS = PAST_MS + AHEAD_MS;
/** Points of the line for each of its units; one unit is a hundredth of what is seen. */
const STEP = 0.75;
/** Air above and below the line, so that the dot has room. */
const TOP = 12;
const DEPTH = 76;
const DOTS = 16;

export const wave: PacerForm = {
  name: "wave",
  template: (word) => html`
    <p class="phase-word" data-testid="phase-word">${word}</p>
    <div class="wave-view" aria-hidden="true">
      <svg class="wave-line" preserveAspectRatio="none">
        <path class="wave-area" />
        <path class="wave-edge" vector-effect="non-scaling-stroke" />
      </svg>
      <div class="wave-steps">${Array.from({ length: DOTS }, () => html`<span></span>`)}</div>
      <div class="wave-rail"><div class="wave-dot"></div></div>
    </div>
  `,
  move(root, breath, duration) {
    const svg = root.querySelector<SVGSVGElement>(".wave-line");
    const rail = root.querySelector<HTMLElement>(".wave-rail");
    if (!svg || !rail) return [];
    const length = breath.toMs - breath.fromMs;
    draw(svg, breath, breath.fromMs - PAST_MS, length + SPAN_MS, true);
    const left = (length / (length + SPAN_MS)) * 100;
    const ride = (fullness: number): Keyframe => ({
      transform: `translateY(${(TOP + (1 - fullness) * DEPTH).toFixed(2)}%)`,
    });
    return [
      rail.animate(framesOf(breath, ride), { duration, fill: "both" }),
      svg.animate([{ transform: "translateX(0)" }, { transform: `translateX(-${left.toFixed(4)}%)` }], {
        duration,
        fill: "both",
      }),
    ];
  },
  /** One whole breath stands still, and its steps light up one after the other. */
  still(root, breath, nowMs) {
    const svg = root.querySelector<SVGSVGElement>(".wave-line");
    if (!svg) return;
    const { breath_start_ms: start, breath_end_ms: end } = breath.state;
    if (svg.dataset["of"] !== `${start} ${end}`) draw(svg, breath, start, end - start);
    const steps = root.querySelectorAll<HTMLElement>(".wave-steps span");
    steps.forEach((step, i) => {
      const share = (i + 0.5) / steps.length;
      const fullness = stateAt(breath.schedule, start + share * (end - start))?.fullness ?? 0;
      step.style.left = `${(share * 100).toFixed(2)}%`;
      step.style.top = `${(TOP + (1 - fullness) * DEPTH).toFixed(2)}%`;
      step.style.opacity = (nowMs - start) / (end - start) >= share ? "1" : "0.25";
    });
  },
};

/** Draws the breath from `fromMs` on; as wide as that is long, where it is to move. */
function draw(svg: SVGSVGElement, breath: Breath, fromMs: number, lengthMs: number, moving = false): void {
  svg.dataset["of"] = moving ? "" : `${fromMs} ${fromMs + lengthMs}`;
  const units = moving ? (lengthMs / SPAN_MS) * 100 : 100;
  svg.style.width = `${units.toFixed(3)}%`;
  svg.setAttribute("viewBox", `0 0 ${units.toFixed(3)} 100`);
  let line = "";
  for (let x = 0; x <= units + STEP; x += STEP) {
    const tMs = Math.max(fromMs + (x / units) * lengthMs, breath.schedule[0]?.origin_ms ?? 0);
    // The end of one breath is not yet the next one.
    const last = moving ? tMs : Math.min(tMs, fromMs + lengthMs - 1e-3);
    const y = TOP + (1 - (stateAt(breath.schedule, last)?.fullness ?? 0)) * DEPTH;
    line += `${x === 0 ? "M" : "L"}${x.toFixed(2)} ${y.toFixed(2)}`;
  }
  svg.querySelector(".wave-edge")?.setAttribute("d", line);
  svg.querySelector(".wave-area")?.setAttribute("d", `${line}V100H0Z`);
}
