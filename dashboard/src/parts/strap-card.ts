/** One strap that can be chosen: its name, how it is heard, and no more than that. */

import { html, nothing, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import type { Strap } from "../protocol.ts";
import { serviceSays, signalWords } from "../words.ts";

export function strapCard(
  strap: Strap,
  { chosen, own, choose }: { chosen: boolean; own: boolean; choose: () => void },
): TemplateResult {
  const kind = strap.simulated ? "simulated" : (strap.id.split(":")[0] ?? "strap");
  return html`<label class="card" data-testid="strap-${kind}">
    <input type="radio" name="strap" value=${strap.id} .checked=${chosen} @change=${choose} />
    <span class="card-words">
      <span class="card-name">${strapName(strap)}</span>
      ${own
        ? html`<span class="quiet">${copy.browser.chosen}</span><span class="quiet">${copy.browser.keepOpen}</span>`
        : html`<span class="quiet">${heard(strap)}</span>`}
    </span>
  </label>`;
}

/** A simulated strap has a name of the service's; others keep their own. */
export function strapName({ simulated, name }: Strap): string {
  return serviceSays(simulated ? "simulated" : null, name);
}

function heard(strap: Strap): TemplateResult | string {
  if (strap.simulated) {
    return html`<span class="chip">${copy.start.simulated}</span> ${copy.start.simulatedHint}`;
  }
  return inReach(strap) ? signalWords(strap.rssi_dbm) : copy.start.outOfReach;
}

/** A strap with a hint and no signal is known here, but does not answer. */
export function inReach(strap: Strap): boolean {
  return strap.rssi_dbm !== null || strap.hint === null;
}

/** What the driver knows of a strap that may not be had at once: one line, then more. */
export function strapHint(strap: Strap | undefined): TemplateResult | typeof nothing {
  if (!strap?.hint) return nothing;
  return html`<details class="plain-note more" data-testid="strap-hint">
    <summary>
      <span>${inReach(strap) ? copy.start.hint : copy.start.hintAway}</span
      ><span class="more-word">${copy.start.noRadioMore}</span>
    </summary>
    <p>${serviceSays(`strap/${strap.profile}`, serviceSays("strap", strap.hint))}</p>
  </details>`;
}

/** Straps in reach first, the strongest at the top; the simulated one last. */
export function realFirst(straps: readonly Strap[]): readonly Strap[] {
  const weight = (s: Strap): number => (s.simulated ? 1000 : -(s.rssi_dbm ?? -127));
  return [...straps].sort((a, b) => weight(a) - weight(b));
}
