/** The three questions, one short screen each, before and after a practice. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { copy, questions } from "../copy.ts";
import type { Feed } from "../feed.ts";
import { outbox, sendRating, sendStop } from "../outboxes.ts";
import { follow, Part } from "../part.ts";
import { activationWords } from "../parts/activation.ts";
import { QuestionPart } from "../parts/question.ts";
import "../parts/radio-again.ts";
import { go } from "../router.ts";
import { besideFelt, linkSentence } from "../words.ts";

/** How long the last screen waits for the service before it says so. */
const PATIENCE_MS = 4000;

export class AskScreen extends Part {
  static override properties = {
    feed: { attribute: false },
    moment: { type: String },
    at: { state: true },
    answered: { state: true },
    saving: { state: true },
    stuck: { state: true },
  };
  declare feed: Feed;
  declare moment: "before" | "after";
  declare at: number;
  declare answered: boolean;
  declare saving: boolean;
  declare stuck: boolean;
  #unfollow: (() => void) | undefined;
  #stopping: Promise<void> | undefined;

  constructor() {
    super();
    this.at = 0;
    this.answered = false;
    this.saving = false;
    this.stuck = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unfollow = follow(this.feed, () => this.#heard());
    this.#heard();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unfollow?.();
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.get("at") === undefined) return;
    // The next question draws itself first; then its heading takes the focus.
    const next = this.querySelector<QuestionPart>("bf-question");
    void next?.updateComplete.then(() => next.querySelector("h1")?.focus());
  }

  /** After a reload the session itself tells how far the person has come. */
  #heard(): void {
    this.requestUpdate();
    if (this.saving) return;
    if (this.moment === "before" && this.feed.phase) {
      go("practice", this.feed.session.id);
      return;
    }
    const given = this.feed.entries.filter((e) => e.moment === this.moment).map((e) => e.type);
    const open = questions.findIndex((q, i) => i >= this.at && !given.includes(q.type));
    if (open === -1) this.#finish();
    else if (open > this.at && !this.answered) this.at = open;
  }

  #submit(event: Event): void {
    event.preventDefault();
    if (!this.answered) return;
    const rating = this.querySelector<QuestionPart>("bf-question")?.rating(this.moment);
    if (rating) sendRating(this.feed.session.id, rating);
    this.#on();
  }

  #on(): void {
    if (this.at + 1 < questions.length) {
      this.at += 1;
      this.answered = false;
    } else {
      this.#finish();
    }
  }

  #finish(): void {
    if (this.moment === "before") go("practice", this.feed.session.id);
    else void this.#save();
  }

  async #save(): Promise<void> {
    this.saving = true;
    const late = setTimeout(() => (this.stuck = true), PATIENCE_MS);
    // Answers first, where the service takes them: then they are in the recording.
    this.#stopping ??= sendStop(this.feed.session.id);
    await this.#stopping;
    clearTimeout(late);
    // What the service could not take yet is sent later, from any screen.
    await outbox.flushed(PATIENCE_MS);
    if (this.isConnected) go("done", this.feed.session.id);
  }

  #leave(): void {
    void sendStop(this.feed.session.id);
    go("home");
  }

  protected override render(): TemplateResult {
    if (this.saving) return this.#saving();
    const question = questions[this.at] ?? questions[0];
    if (!question) return html``;
    const before = this.moment === "before";
    const c = copy.ask;
    const many = questions.length;
    return html`<section class="screen ask">
      <p class="position">
        ${before ? c.before : c.after}
        <span class="dots" aria-hidden="true"
          >${questions.map((_, i) => html`<i class=${i === this.at ? "now" : i < this.at ? "past" : ""}></i>`)}</span
        >
        <span class="sr-only">${c.of(this.at + 1, many)}</span>
      </p>
      <form @submit=${this.#submit}>
        ${keyed(
          question.type,
          html`<bf-question
            .question=${question}
            @answer=${() => (this.answered = true)}
          ></bf-question>`,
        )}
        <p class="quiet keys-hint">${question.to === 10 ? c.keys10 : c.keys9}</p>
        <div class="bar pair">
          <button class="button big" type="button" data-testid="skip" @click=${() => this.#on()}>
            ${c.skip}
          </button>
          <button class="button primary big" type="submit" data-testid="next" ?disabled=${!this.answered}>
            ${c.next}
          </button>
        </div>
      </form>
      <div class="quiet-actions">
        <button class="link" type="button" data-testid="skip-all" @click=${() => this.#finish()}>
          ${c.skipAll}
        </button>
        ${before
          ? html`<button class="link" type="button" data-testid="leave" @click=${() => this.#leave()}>
              ${c.leave}
            </button>`
          : nothing}
      </div>
      ${before
        ? html`<p class="link-line" data-testid="link-state" data-state=${this.feed.link?.state ?? "none"}>
            ${linkSentence(this.feed.link)}
          </p>
            <bf-radio-again session=${this.feed.session.id}></bf-radio-again>`
        : question.type === "arousal"
          ? this.#body()
          : nothing}
    </section>`;
  }

  /** Only once the answer is given: it is not to be led by this. Below all buttons. */
  #body(): TemplateResult {
    const felt = this.answered ? (this.querySelector<QuestionPart>("bf-question")?.value ?? null) : null;
    const found = felt === null ? null : (this.feed.metrics?.activation ?? null);
    return html`<div class="body-beside" role="status" data-testid="body">
      ${found
        ? html`<p>${copy.body.title}</p>
            ${activationWords(found)}
            <p class="quiet" data-testid="beside">${besideFelt(found, felt)}</p>`
        : nothing}
    </div>`;
  }

  #saving(): TemplateResult {
    return html`<section class="screen narrow centred">
      <div class="emblem ${this.stuck ? "" : "breathing"}" aria-hidden="true"></div>
      <h1 tabindex="-1" role="status">${this.stuck ? copy.unreachable : copy.ask.saving}</h1>
      ${this.stuck
        ? html`<p class="lead">${copy.ask.savingLate}</p>`
        : nothing}
    </section>`;
  }
}
customElements.define("bf-ask", AskScreen);
