/** The questions, one short screen each, before and after a practice. */

import { html, nothing, type TemplateResult } from "lit";
import { asked } from "../asked.ts";
import { copy, type Question } from "../copy.ts";
import type { Feed } from "../feed.ts";
import { outbox, sendRating, sendStop } from "../outboxes.ts";
import { follow, Part } from "../part.ts";
import { activationWords } from "../parts/activation.ts";
import "../parts/asking.ts";
import "../parts/radio-again.ts";
import type { Rating, RatingType } from "../protocol.ts";
import { go } from "../router.ts";
import { besideFelt, linkSentence } from "../words.ts";

/** How long the last screen waits for the service before it says so. */
const PATIENCE_MS = 4000;

export class AskScreen extends Part {
  static override properties = {
    feed: { attribute: false },
    moment: { type: String },
    question: { state: true },
    felt: { state: true },
    saving: { state: true },
    stuck: { state: true },
  };
  declare feed: Feed;
  declare moment: "before" | "after";
  declare question: RatingType | null;
  /** The answer to the question at hand, once it is given. */
  declare felt: number | null;
  declare saving: boolean;
  declare stuck: boolean;
  readonly #questions = asked();
  #given: readonly RatingType[] = [];
  #unfollow: (() => void) | undefined;
  #stopping: Promise<void> | undefined;

  constructor() {
    super();
    this.question = null;
    this.felt = null;
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

  /** After a reload the session itself tells how far the person has come. */
  #heard(): void {
    if (this.moment === "before" && this.feed.phase) {
      go("practice", this.feed.session.id);
      return;
    }
    const given = this.feed.entries.filter((e) => e.moment === this.moment).map((e) => e.type as RatingType);
    if (given.length !== this.#given.length) this.#given = given;
    this.requestUpdate();
  }

  #asks(event: Event): void {
    this.question = (event as CustomEvent<Question | undefined>).detail?.type ?? null;
    this.felt = null;
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
    const before = this.moment === "before";
    const c = copy.ask;
    return html`<section class="screen ask">
      <bf-asking
        .questions=${this.#questions}
        .given=${this.#given}
        .moment=${this.moment}
        .position=${before ? c.before : c.after}
        .leave=${before ? c.leave : ""}
        @question=${this.#asks}
        @answer=${(event: CustomEvent<number>) => (this.felt = event.detail)}
        @rated=${(event: CustomEvent<Rating>) => sendRating(this.feed.session.id, event.detail)}
        @all-asked=${() => this.#finish()}
        @leave=${() => this.#leave()}
      ></bf-asking>
      ${before
        ? html`<p class="link-line" data-testid="link-state" data-state=${this.feed.link?.state ?? "none"}>
              ${linkSentence(this.feed.link)}
            </p>
            <bf-radio-again session=${this.feed.session.id}></bf-radio-again>`
        : this.question === "arousal"
          ? this.#body()
          : nothing}
    </section>`;
  }

  /** Only once the answer is given: it is not to be led by this. Below all buttons. */
  #body(): TemplateResult {
    const found = this.felt === null ? null : (this.feed.metrics?.activation ?? null);
    return html`<div class="body-beside" role="status" data-testid="body">
      ${found
        ? html`<p>${copy.body.title}</p>
            ${activationWords(found)}
            <p class="quiet" data-testid="beside">${besideFelt(found, this.felt)}</p>`
        : nothing}
    </div>`;
  }

  #saving(): TemplateResult {
    // Signed out, it waits for the person: the way back in stands above.
    const stuck = this.stuck && !this.feed.signedOut;
    return html`<section class="screen narrow centred">
      <div class="emblem ${stuck ? "" : "breathing"}" aria-hidden="true"></div>
      <h1 tabindex="-1" role="status">${stuck ? copy.unreachable : copy.ask.saving}</h1>
      ${stuck
        ? html`<p class="lead">${copy.ask.savingLate}</p>`
        : nothing}
    </section>`;
  }
}
customElements.define("bf-ask", AskScreen);
