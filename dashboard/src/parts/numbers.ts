/** The numbers, for those who want them. What is not known is said to be so. */

import { html, nothing, type TemplateResult } from "lit";
import { copy, linkWords } from "../copy.ts";
import type { Feed } from "../feed.ts";
import { Part } from "../part.ts";
import type { Activation } from "../protocol.ts";
import { activationReason, activationWords } from "./activation.ts";

/** A heart rate older than this fades and tells its age. */
const STALE_S = 5;

export class NumbersPart extends Part {
  static override properties = { feed: { attribute: false }, tick: { attribute: false } };
  declare feed: Feed;
  /** Changes once a second, so that ages move on. */
  declare tick: number;

  protected override render(): TemplateResult {
    const c = copy.practice;
    const { heart, metrics } = this.feed;
    const nowMs = this.feed.nowMs();
    const ageS = heart && nowMs !== null ? Math.max(0, (nowMs - heart.t_ms) / 1000) : 0;
    const minute = metrics?.window_s["60"] ?? null;
    const link = this.feed.link?.state ?? "none";
    const why = (reason: string): string => (link === "streaming" ? reason : linkWords[link]);
    return html`<dl class="numbers">
      ${this.#number("heart-rate", c.heartRate, heart?.hr_bpm ?? null, c.heartRateUnit, why(c.gathering), ageS)}
      ${this.#number("rsa", c.range, metrics?.rsa_bpm ?? null, c.rangeUnit, why(c.needsBreaths))}
      ${this.#number(
        "rmssd",
        c.rmssd,
        minute?.rmssd_ms ?? null,
        `${c.rmssdUnit}, ${c.coverage(Math.round((minute?.coverage ?? 0) * 60))}`,
        why(c.needsBeats),
      )}
    </dl>
    ${this.#activation(metrics?.activation ?? null, why(activationReason(metrics?.activation_reason) || c.needsBeats))}`;
  }

  #activation(found: Activation | null, reason: string): TemplateResult {
    return html`<dl class="numbers">
      <div class="number-box">
        <dt>${copy.body.title}</dt>
        <dd>
          ${found
            ? activationWords(found)
            : html`<span class="quiet" data-testid="activation">${reason}</span>`}
        </dd>
      </div>
    </dl>`;
  }

  #number(
    id: string,
    name: string,
    value: number | null,
    unit: string,
    reason: string,
    ageS = 0,
  ): TemplateResult {
    const c = copy.practice;
    const stale = ageS > STALE_S;
    return html`<div class="number-box">
      <dt>${name}</dt>
      <dd>
        ${value === null
          ? html`<span class="unknown" data-testid=${id}>${c.notKnown}</span>
              <span class="quiet">${reason}</span>`
          : html`<span class="value ${stale ? "stale" : ""}" data-testid=${id}>${Math.round(value)}</span>
              <span class="quiet">${unit}</span>
              ${stale ? html`<span class="quiet">${c.age(Math.round(ageS))}</span>` : nothing}`}
      </dd>
    </div>`;
  }
}
customElements.define("bf-numbers", NumbersPart);
