/** What was noted, in plain words. No scores, no praise, nothing that is not known. */

import { html, nothing, type TemplateResult } from "lit";
import { api } from "../api.ts";
import { asked, questionOf } from "../asked.ts";
import { copy } from "../copy.ts";
import { outbox, sendRating } from "../outboxes.ts";
import { follow, Part } from "../part.ts";
import { activationReason, activationWords } from "../parts/activation.ts";
import "../parts/asking.ts";
import type { Change, Changes, Metrics, Rating, Session, Summary } from "../protocol.ts";
import { go } from "../router.ts";
import { aboutMinutes, besideFelt, changeWords, gapWords, serviceSays, steadyWords } from "../words.ts";

const ASK_AGAIN_MS = 1500;
/** NeuroKit2 writes the summary; it takes some seconds, rarely a minute. */
const PATIENCE_MS = 90_000;
/** How long after a session its "after" can still be told; a little less than over there. */
const LATE_ANSWERS_MS = 9 * 60_000;

export class DoneScreen extends Part {
  static override properties = {
    session: { type: String },
    info: { state: true },
    found: { state: true },
    asking: { state: true },
    summary: { state: true },
    late: { state: true },
    busy: { state: true },
    metrics: { attribute: false },
  };
  declare session: string;
  /** The last that was told of the body, if this page was there to hear it. */
  declare metrics: Metrics | null;
  declare info: Session | null;
  /** What changed, or null while that is not known. */
  declare found: Changes | null;
  /** The questions are being answered late. */
  declare asking: boolean;
  declare summary: Summary | null;
  declare late: boolean;
  declare busy: boolean;
  #gone = false;
  #unfollow: (() => void) | undefined;
  /** An answer that could not be sent yet is still on its way. */
  #awaited = false;

  constructor() {
    super();
    this.info = null;
    this.found = null;
    this.asking = false;
    this.summary = null;
    this.late = false;
    this.busy = false;
    this.metrics = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#gone = false;
    this.#awaited = outbox.pending > 0;
    this.#unfollow = follow(outbox, () => void this.#arrived());
    void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#gone = true;
    this.#unfollow?.();
  }

  async #arrived(): Promise<void> {
    if (!this.#awaited || outbox.pending > 0) return;
    this.#awaited = false;
    try {
      this.found = await api.changes(this.session);
    } catch (problem) {
      if (!this.#gone) this.tell("problem", problem);
    }
  }

  async #load(): Promise<void> {
    try {
      this.found = await api.changes(this.session);
      await this.#wait();
    } catch (problem) {
      this.late = true;
      if (!this.#gone) this.tell("problem", problem);
    }
  }

  async #wait(): Promise<void> {
    const from = performance.now();
    while (!this.#gone) {
      this.info = await api.session(this.session);
      this.tell("session", this.info);
      if (this.info.summary_ready) {
        this.summary = await api.summary(this.session);
        return;
      }
      if (this.info.state === "failed") break;
      if (performance.now() - from > PATIENCE_MS) break;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
    this.late = true;
  }

  async #replay(): Promise<void> {
    this.busy = true;
    try {
      go("replay", (await api.replay(this.session)).id);
    } catch (problem) {
      this.tell("problem", problem);
    }
    this.busy = false;
  }

  /** Whether somebody who did not answer at the end still can. */
  get #canAnswer(): boolean {
    const endedMs = Date.parse(this.info?.ended_at ?? "");
    const told = this.found?.changes.some((change) => change.after !== null) ?? true;
    return !told && Date.now() - endedMs < LATE_ANSWERS_MS;
  }

  async #answered(): Promise<void> {
    this.asking = false;
    this.#awaited = !(await outbox.flushed(ASK_AGAIN_MS));
    try {
      if (!this.#awaited) this.found = await api.changes(this.session);
    } catch (problem) {
      if (!this.#gone) this.tell("problem", problem);
    }
  }

  #late(): TemplateResult {
    return html`<section class="screen ask">
      <bf-asking
        .questions=${asked()}
        moment="after"
        .position=${copy.ask.after}
        @rated=${(event: CustomEvent<Rating>) => sendRating(this.session, event.detail)}
        @all-asked=${() => void this.#answered()}
      ></bf-asking>
    </section>`;
  }

  protected override render(): TemplateResult {
    if (this.asking) return this.#late();
    const c = copy.done;
    const finished = this.info?.state === "complete" || this.info?.state === "recovered";
    return html`<section class="screen narrow">
      <h1 tabindex="-1">${c.title}</h1>
      <p class="lead">${c.lead}</p>
      <div data-testid="summary" data-ready=${this.summary !== null || this.late}>
        <div class="spoken">${this.#signal()}</div>
        ${this.#answers()}
      </div>
      <div class="stack done-actions">
        <button class="button primary big" type="button" data-testid="home" @click=${() => go("home")}>
          ${copy.home}
        </button>
        <button
          class="button"
          type="button"
          data-testid="replay"
          ?disabled=${!finished || this.busy}
          @click=${() => this.#replay()}
        >
          ${copy.start.seeAgain}
        </button>
        ${finished
          ? html`<a class="button" href=${api.reportUrl(this.session, "html")} target="_blank" rel="noopener" data-testid="report"
                >${copy.report.page}</a
              ><a class="button" href=${api.reportUrl(this.session, "pdf")} download data-testid="report-pdf"
                >${copy.report.pdf}</a
              ><a class="button" href=${api.recordingUrl(this.session)} download data-testid="download"
                >${c.download}</a
              >`
          : nothing}
      </div>
    </section>`;
  }

  #signal(): TemplateResult {
    const c = copy.done;
    const { info, summary } = this;
    const ms = Date.parse(info?.ended_at ?? "") - Date.parse(info?.started_at ?? "");
    return html`
      ${Number.isNaN(ms) ? nothing : html`<p>${c.length(aboutMinutes(ms))}</p>`}
      ${summary ? html`<p>${steadyWords(summary.coverage)}</p>` : nothing}
      ${info?.simulated ? html`<p>${c.simulated}</p>` : nothing}
      ${info?.loss ? html`<p class="notice" data-testid="loss">${serviceSays("loss", info.loss)}</p>` : nothing}
      <p class="quiet" role="status">${summary ? "" : this.late ? c.notReady : c.writing}</p>
    `;
  }

  #answers(): TemplateResult {
    const c = copy.done;
    if (!this.found) return html``;
    const { changes, gap } = this.found;
    const late = this.#canAnswer
      ? html`<button class="link" type="button" data-testid="answer-late" @click=${() => (this.asking = true)}>
          ${c.stillAnswer}
        </button>`
      : nothing;
    if (changes.length === 0) return html`<p class="quiet">${c.noAnswers}</p>
      ${late}`;
    const words = gapWords(gap);
    return html`
      <h2>${c.answers}</h2>
      <dl class="answers">
        ${changes.map((change) => this.#change(change))}
        ${this.#body(changes.find((change) => change.type === "arousal"))}
        ${words
          ? html`<div class="answer gap" data-testid="gap">
              <dt>${c.gap}</dt>
              <dd><strong>${words.change}</strong><span class="quiet">${words.detail}</span></dd>
            </div>`
          : nothing}
      </dl>
      <p class="quiet">${c.caveat}</p>
      ${changes.some((change) => change.band && c.bands[change.band]) ? html`<p class="quiet">${c.mark}</p>` : nothing}
      ${late}
    `;
  }

  /** Beside what was felt, where both are known: how the body was at the end. */
  #body(felt: Change | undefined): TemplateResult | typeof nothing {
    const found = this.metrics?.activation ?? null;
    const reason = this.metrics?.activation_reason;
    if (!felt || (!found && !reason)) return nothing;
    return html`<div class="answer" data-testid="body">
      <dt>${copy.body.title}</dt>
      <dd>
        ${found ? activationWords(found) : html`<span class="quiet">${activationReason(reason)}</span>`}
        <span class="quiet" data-testid="beside">${besideFelt(found, felt.after)}</span>
      </dd>
    </div>`;
  }

  #change({ type, before, during, after, points, pct, band }: Change): TemplateResult {
    const c = copy.done;
    const parts = [
      before === null ? null : c.before(before),
      during.length === 0 ? null : c.during(during.join(", ")),
      after === null ? null : c.after(after),
    ].filter((part) => part !== null);
    const size = band ? c.bands[band] : "";
    return html`<div class="answer" data-testid="answer-${type}">
      <dt>${questionOf(type)?.short}</dt>
      <dd>
        ${points === null ? nothing : html`<strong>${changeWords(points, pct)}</strong>`}
        ${size ? html`<span data-testid="band">${size}</span>` : nothing}
        <span class="quiet">${parts.join(", ")}</span>
      </dd>
    </div>`;
  }
}
customElements.define("bf-done", DoneScreen);
