/** The plans that can be followed: what each takes, and one to begin. */

import { html, nothing, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import type { Plan, PlanList, Strap } from "../protocol.ts";
import { aboutMinutes, sentence, serviceSays } from "../words.ts";
import { realFirst, strapCard } from "./strap-card.ts";

export interface Choosing {
  readonly list: PlanList | null;
  readonly straps: readonly Strap[];
  readonly chosen: string | null;
  readonly strap: string | null;
  readonly busy: boolean;
  readonly choose: (id: string) => void;
  readonly wear: (id: string) => void;
  readonly begin: () => void;
}

export function planChooser(c: Choosing): TemplateResult {
  // The everyday one is begun at home.
  const plans = c.list?.plans.filter((plan) => plan.id !== "practice") ?? [];
  return html`<section class="screen plan">
    <h1 tabindex="-1">${copy.plan.title}</h1>
    <p class="lead">${copy.plan.lead}</p>
    <div class="cards" role="group" aria-label=${copy.plan.title} data-testid="plans">
      ${plans.map((plan) => planCard(plan, c))}
    </div>
    ${c.list?.unreadable.map(
      (bad) => html`<p class="plain-note" data-testid="plan-unreadable">${bad.name}: ${bad.problem}</p>`,
    ) ?? nothing}
    <h2>${copy.start.strap}</h2>
    <div class="cards">
      ${realFirst(c.straps).map((strap) =>
        strapCard(strap, { chosen: c.strap === strap.id, own: false, choose: () => c.wear(strap.id) }),
      )}
    </div>
    <div class="bar">
      <button
        class="button primary big"
        type="button"
        data-testid="plan-begin"
        ?disabled=${!c.chosen || !c.strap || c.busy}
        @click=${c.begin}
      >
        ${c.busy ? copy.start.beginning : copy.start.begin}
      </button>
    </div>
    <div class="quiet-actions"><a class="link" href="#home">${copy.home}</a></div>
  </section>`;
}

function planCard(plan: Plan, c: Choosing): TemplateResult {
  return html`<label class="card" data-testid="plan-${plan.id}">
    <input
      type="radio"
      name="plan"
      value=${plan.id}
      .checked=${c.chosen === plan.id}
      @change=${() => c.choose(plan.id)}
    />
    <span class="card-words">
      <span class="card-name">${serviceSays(`plan/${plan.id}`, plan.title)}</span>
      <span class="quiet">${sentence(aboutMinutes(plan.minutes * 60_000))}</span>
      ${plan.arms.length > 0 ? html`<span class="quiet">${copy.plan.arms}</span>` : nothing}
    </span>
  </label>`;
}
