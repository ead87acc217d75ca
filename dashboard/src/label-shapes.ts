/** The shape of each label, on a canvas and as a picture in a line of text. */

import { svg, type SVGTemplateResult } from "lit";
import type { BeatLabel, RatingType } from "./protocol.ts";

export type Shape = "dot" | "cross" | "up" | "down" | "square" | "diamond";

export const labelShapes: Readonly<Record<BeatLabel, Shape>> = {
  normal: "dot",
  artefact: "cross",
  ectopic: "up",
  missed: "square",
  extra: "diamond",
  long_short: "down",
};

export const ratingShapes: Readonly<Record<RatingType, Shape>> = {
  pain_intensity: "square",
  pain_unpleasantness: "diamond",
  arousal: "up",
  craving: "down",
  self_control: "cross",
  mood: "dot",
};

/** The corners of each shape around 0, 0 with a radius of 1; a dot has none. */
const corners: Readonly<Record<Exclude<Shape, "dot" | "cross">, readonly (readonly [number, number])[]>> = {
  up: [[0, -1.1], [1, 0.8], [-1, 0.8]],
  down: [[0, 1.1], [1, -0.8], [-1, -0.8]],
  square: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  diamond: [[0, -1.15], [1.15, 0], [0, 1.15], [-1.15, 0]],
};

/** Draws a shape; `hollow` ones are outlines in the colour of the stroke. */
export function drawShape(pen: CanvasRenderingContext2D, shape: Shape, x: number, y: number, r: number, hollow = false): void {
  pen.beginPath();
  if (shape === "cross") {
    pen.moveTo(x - r, y - r);
    pen.lineTo(x + r, y + r);
    pen.moveTo(x + r, y - r);
    pen.lineTo(x - r, y + r);
    pen.stroke();
    return;
  }
  if (shape === "dot") pen.arc(x, y, r * 0.6, 0, 2 * Math.PI);
  else {
    for (const [dx, dy] of corners[shape]) pen.lineTo(x + dx * r, y + dy * r);
    pen.closePath();
  }
  if (hollow) pen.stroke();
  else pen.fill();
}

/** The same as a small picture; its words stand beside it. */
export function shapePicture(shape: Shape): SVGTemplateResult {
  const inner =
    shape === "cross"
      ? svg`<path d="M-5 -5L5 5M5 -5L-5 5" fill="none" stroke="currentColor" stroke-width="2" />`
      : shape === "dot"
        ? svg`<circle r="3.5" fill="currentColor" />`
        : svg`<polygon points=${corners[shape].map(([x, y]) => `${5.5 * x},${5.5 * y}`).join(" ")} fill="currentColor" />`;
  return svg`<svg class="shape" viewBox="-8 -8 16 16" width="16" height="16" aria-hidden="true">${inner}</svg>`;
}
