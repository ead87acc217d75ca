/**
 * The clinic that this computer has joined: whether it can be reached, and whether it may
 * keep copies. Stopping is one tap; allowing needs a choice, and nothing is chosen before.
 */

import { html, nothing, type TemplateResult } from "lit";
import { atClinic, type Clinic } from "../clinic-api.ts";
import { later } from "../copy-later.ts";
import { dayOfWords } from "../day-words.ts";
import { Part } from "../part.ts";
import { whenWords } from "../words.ts";
import { howLong } from "./how-long.ts";

const LOOK_MS = 5000;

export class ClinicCard extends Part {
  static override properties = {
    clinic: { state: true },
    asks: { state: true },
    days: { state: true },
    missing: { state: true },
    said: { state: true },
    receipt: { state: true },
    busy: { state: true },
  };
  declare clinic: Clinic | null;
  /** Whether the words and lengths of a new consent are open. */
  declare asks: boolean;
  declare days: number | null;
  declare missing: boolean;
  declare said: string;
  declare receipt: boolean;
  declare busy: boolean;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.clinic = null;
    this.asks = false;
    this.days = null;
    this.missing = false;
    this.said = "";
    this.receipt = false;
    this.busy = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#look();
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.busy) return;
    try {
      this.clinic = await atClinic.now();
      this.tell("looked");
    } catch {
      // The page says by itself when the service is away.
    }
  }

  async #try(act: () => Promise<Clinic | null>, then: () => void, focus: string): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      this.clinic = await act();
      then();
    } catch (problem) {
      this.tell("problem", problem);
    }
    this.busy = false;
    await this.updateComplete;
    this.querySelector<HTMLElement>(focus)?.focus({ preventScroll: true });
  }

  async #allow(): Promise<void> {
    const { days } = this;
    this.missing = days === null;
    if (days === null) return;
    await this.#try(
      () => atClinic.allow(days),
      () => {
        this.#close();
        this.receipt = true;
      },
      "#copy-receipt",
    );
  }

  async #stop(): Promise<void> {
    await this.#try(
      () => atClinic.stop(),
      () => {
        this.#close();
        this.said = later.clinic.stopped;
      },
      "#clinic-title",
    );
  }

  #close(): void {
    this.asks = false;
    this.days = null;
    this.missing = false;
    this.receipt = false;
    this.said = "";
  }

  protected override render(): TemplateResult | typeof nothing {
    const c = later.clinic;
    const { clinic } = this;
    if (!clinic) return nothing;
    return html`<section class="sharing-part" aria-labelledby="clinic-title" data-testid="clinic">
      <h2 id="clinic-title" tabindex="-1">${c.title}</h2>
      <article class="sharing-person">
        <h3>${clinic.name}</h3>
        <p class="quiet" data-testid="clinic-link">${clinic.connected ? c.connected : clinic.let_in ? c.away : c.ended}</p>
        ${clinic.misused ? html`<p class="notice" data-testid="clinic-misused">${c.misused}</p>` : nothing}
        ${clinic.trouble ? html`<p class="notice">${clinic.trouble}</p>` : nothing}
        <h3>${c.copies}</h3>
        ${clinic.copies
          ? html`${clinic.let_in
                ? html`<p data-testid="copies-on">${c.until(dayOfWords(clinic.copies.expires_at))}</p>
                    ${this.#progress(clinic)}`
                : html`<p data-testid="copies-ended">${c.off}</p>`}
              <button class="button" type="button" data-testid="stop-copies" ?disabled=${this.busy} @click=${() => this.#stop()}>
                ${c.stop}
              </button>`
          : this.asks
            ? this.#ask()
            : html`<p data-testid="copies-off">${c.off}</p>
                <button
                  class="button"
                  type="button"
                  data-testid="ask-copies"
                  @click=${() => {
                    this.#close();
                    this.asks = true;
                  }}
                >
                  ${c.ask}
                </button>`}
        <p class="sharing-said" role="status" data-testid="copies-said">${this.said}</p>
      </article>
      ${this.#receipt(clinic)}
    </section>`;
  }

  #progress({ waiting, sent_at, connected }: Clinic): TemplateResult {
    const c = later.clinic;
    return html`<p class="quiet" data-testid="copies-progress">
      ${waiting === null ? (connected ? nothing : c.unknown) : c.waiting(waiting)}
      ${sent_at ? c.sent(whenWords(sent_at)) : nothing}
    </p>`;
  }

  #ask(): TemplateResult {
    const c = later.clinic;
    const s = later.sharing;
    return html`${c.what.map((line) => html`<p>${line}</p>`)}
      ${howLong("copy-days", this.days, (days) => {
        this.days = days;
        this.missing = false;
      })}
      <p class="sharing-said" role="status" data-testid="copies-missing">${this.missing ? s.chooseLong : ""}</p>
      <div class="sharing-answer">
        <button class="button big" type="button" data-testid="copies-no" ?disabled=${this.busy} @click=${() => this.#close()}>${s.no}</button>
        <button class="button big" type="button" data-testid="copies-yes" ?disabled=${this.busy} @click=${() => this.#allow()}>${s.yes}</button>
      </div>`;
  }

  #receipt({ name, copies }: Clinic): TemplateResult | typeof nothing {
    const s = later.sharing;
    if (!this.receipt || !copies) return nothing;
    return html`<section class="sharing-receipt" aria-labelledby="copy-receipt" data-testid="copy-receipt">
      <h2 id="copy-receipt" tabindex="-1">${s.receipt(name)}</h2>
      <p>${later.clinic.may}</p>
      <p>${s.receiptUntil(dayOfWords(copies.expires_at))}</p>
      <p class="quiet sharing-number">${s.receiptNumber(copies.id)}</p>
      <button class="button slim" type="button" @click=${() => (this.receipt = false)}>${s.close}</button>
    </section>`;
  }
}
customElements.define("bf-clinic-card", ClinicCard);
