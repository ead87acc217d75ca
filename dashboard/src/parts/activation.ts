/** Body activation (estimate): a band beside the person's own quiet minutes. */

import { html, svg, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import type { Activation } from "../protocol.ts";
import { activationDetail, serviceSays } from "../words.ts";

/** Standard deviations of the baseline to either side; beyond, the band is cut off. */
const REACH = 12;

/** Why there is no estimate; the service gives its sentence and no name for it. */
export function activationReason(sentence: string | null | undefined): string {
  return serviceSays(sentence ?? null, sentence ?? null);
}

/** What is estimated, in words and as a band: the mark in the middle is the usual. */
export function activationWords(found: Activation): TemplateResult {
  const at = (score: number): number => Math.min(Math.max(score, -REACH), REACH);
  const from = Math.min(at(found.low), REACH - 1);
  const to = Math.max(at(found.high), 1 - REACH);
  return html`<span data-testid="activation" data-band=${found.band}>${copy.body.band[found.band]}</span>
    <svg class="band" viewBox="${-REACH} 0 ${2 * REACH} 2" preserveAspectRatio="none" aria-hidden="true">
      ${svg`<rect class="band-all" x=${-REACH} width=${2 * REACH} y="0.6" height="0.8" />
      <rect class="band-now" x=${from} width=${to - from} y="0.6" height="0.8" />
      <rect class="band-usual" x="-0.06" width="0.12" y="0" height="2" />`}
    </svg>
    <span class="quiet">${activationDetail(found)}</span>`;
}
