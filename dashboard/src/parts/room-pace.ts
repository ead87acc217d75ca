/** A pace is proposed; the person decides, and that is what stands here. */

import { html, nothing, type TemplateResult } from "lit";
import { words } from "../copy-room.ts";
import type { Feed } from "../feed.ts";
import { Part } from "../part.ts";
import type { Entry } from "../protocol.ts";
import { boundedRate, bounds, proposed } from "../room-together.ts";

export class RoomPace extends Part {
  static override properties = {
    feed: { attribute: false },
    entries: { attribute: false },
    tick: { attribute: false },
    rate: { state: true },
    inhale: { state: true },
    unsent: { state: true },
  };
  declare feed: Feed;
  declare entries: readonly Entry[];
  /** Changes once a second, so that the time that is left moves on. */
  declare tick: number;
  declare rate: number;
  declare inhale: number;
  declare unsent: boolean;

  constructor() {
    super();
    this.rate = 5.5;
    this.inhale = 40;
    this.unsent = false;
  }

  #send(event: SubmitEvent): void {
    event.preventDefault();
    this.unsent = !this.feed.command({ kind: "pacer.propose", rate_bpm: this.rate, inhale_pct: this.inhale });
  }

  protected override render(): TemplateResult {
    const p = words.pace;
    const now = proposed(this.entries, this.feed.nowMs() ?? 0);
    const typed = (event: Event): number => (event.target as HTMLInputElement).valueAsNumber;
    const { low, high } = bounds.rate;
    return html`<section class="panel" aria-labelledby="pace-title">
      <h2 id="pace-title">${p.title}</h2>
      <form class="pace-form" @submit=${this.#send}>
        <label class="field wide">
          <span>${p.rate}</span>
          <input
            type="range"
            min=${low}
            max=${high}
            step="0.5"
            .value=${String(this.rate)}
            aria-valuetext=${this.rate.toFixed(1)}
            data-testid="pace-slider"
            @input=${(event: Event) => (this.rate = boundedRate(typed(event)))}
          />
        </label>
        <label class="field exact">
          <span>${p.rateExact}</span>
          <input
            type="number"
            min=${low}
            max=${high}
            step="0.1"
            required
            .value=${this.rate.toFixed(1)}
            data-testid="pace-rate"
            @change=${(event: Event) => (this.rate = boundedRate(typed(event)))}
          />
        </label>
        <label class="field exact">
          <span>${p.inhale}</span>
          <input
            type="number"
            min=${bounds.inhale.low}
            max=${bounds.inhale.high}
            step="1"
            required
            .value=${String(this.inhale)}
            data-testid="pace-inhale"
            @change=${(event: Event) =>
              (this.inhale = Math.min(Math.max(Math.round(typed(event)) || 40, bounds.inhale.low), bounds.inhale.high))}
          />
        </label>
        <button class="button primary" type="submit" data-testid="pace-send">${p.send}</button>
      </form>
      <p role="status" data-testid="pace-state" data-answer=${now?.answer ?? "none"}>
        ${this.unsent
          ? words.marks.notSent
          : now
            ? html`${p.said(now.rateBpm.toFixed(1), now.inhalePct)}: <strong>${p.answers[now.answer]}</strong>`
            : nothing}
      </p>
      ${now?.answer === "waiting" ? html`<p class="quiet">${p.left(Math.ceil(now.leftMs / 1000))}</p>` : nothing}
      <p class="quiet">${p.note}</p>
    </section>`;
  }
}
customElements.define("bf-room-pace", RoomPace);
