/** A recording shown again: the same view, marked as replay, nothing to answer. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { api } from "../api.ts";
import { copy, questions } from "../copy.ts";
import type { Feed } from "../feed.ts";
import { sendStop } from "../outboxes.ts";
import { follow, Part } from "../part.ts";
import "../parts/numbers.ts";
import "../parts/pacer.ts";
import "../parts/replay-bar.ts";
import "../parts/signals.ts";
import "../parts/trace.ts";
import { go } from "../router.ts";
import { aboutMinutes, linkSentence, sentence } from "../words.ts";
import { linkLine, numbersToggle } from "./practice.ts";

export class ReplayScreen extends Part {
  static override properties = {
    feed: { attribute: false },
    numbers: { state: true },
    second: { state: true },
  };
  declare feed: Feed;
  declare numbers: boolean;
  declare second: number;
  #unfollow: (() => void) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #wasOver = false;

  constructor() {
    super();
    this.numbers = false;
    this.second = 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unfollow = follow(this.feed, () => this.requestUpdate());
    this.#timer = setInterval(() => {
      this.second = Math.floor((this.feed.nowMs() ?? 0) / 1000);
    }, 500);
    document.addEventListener("keydown", this.#key);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unfollow?.();
    clearInterval(this.#timer);
    document.removeEventListener("keydown", this.#key);
  }

  protected override updated(_: PropertyValues): void {
    if (this.#over === this.#wasOver) return;
    this.#wasOver = this.#over;
    this.querySelector<HTMLElement>("h1")?.focus();
  }

  /** A replay that waits at its end can still be sent back. */
  get #over(): boolean {
    const { feed } = this;
    return feed.over || (feed.replay === null && feed.link?.state === "ended");
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) this.#leave();
  };

  #leave(): void {
    if (!this.feed.over) void sendStop(this.feed.session.id);
    this.tell("left-replay", this.feed.session.id);
    go("home");
  }

  async #again(): Promise<void> {
    try {
      go("replay", (await api.replay(this.feed.session.replay_of ?? "")).id);
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  protected override render(): TemplateResult {
    const { feed } = this;
    if (this.#over) return this.#ended();
    const nowMs = feed.nowMs();
    return html`<section class="screen practice">
      <h1 class="sr-only" tabindex="-1">${copy.replay.title}</h1>
      ${linkLine(feed.link?.state ?? "none", linkSentence(feed.link))}
      <bf-pacer .feed=${feed}></bf-pacer>
      <p class="time-left" data-testid="time-in">
        ${nowMs === null ? "" : copy.replay.at(sentence(aboutMinutes(nowMs)))}
      </p>
      <bf-trace .feed=${feed}></bf-trace>
      <bf-replay-bar .feed=${feed} .tick=${this.second}></bf-replay-bar>
      ${this.numbers
        ? html`<bf-numbers .feed=${feed} .tick=${this.second}></bf-numbers>
            <bf-signals .feed=${feed} .tick=${this.second}></bf-signals>`
        : nothing}
      <p class="note quiet">${this.#lastSaid()}</p>
      <div class="practice-actions one">
        <button
          class="button primary big"
          type="button"
          data-testid="stop"
          aria-keyshortcuts="Escape"
          @click=${() => this.#leave()}
        >
          ${copy.replay.stop}
        </button>
      </div>
      <div class="practice-more">
        ${numbersToggle(this.numbers, () => (this.numbers = !this.numbers))}
      </div>
    </section>`;
  }

  #lastSaid(): string {
    const entry = this.feed.entries.findLast((e) => questions.some((q) => q.type === e.type));
    const question = questions.find((q) => q.type === entry?.type);
    if (!question || entry?.value == null) return "";
    return copy.replay.said(question.short, entry.value);
  }

  #ended(): TemplateResult {
    return html`<section class="screen narrow centred">
      <div class="emblem" aria-hidden="true"></div>
      <h1 tabindex="-1">${copy.replay.ended}</h1>
      <div class="stack">
        <button class="button primary big" type="button" @click=${() => this.#leave()}>${copy.home}</button>
        ${this.feed.session.replay_of
          ? html`<button class="button" type="button" data-testid="replay" @click=${() => this.#again()}>
              ${copy.replay.again}
            </button>`
          : nothing}
      </div>
    </section>`;
  }
}
customElements.define("bf-replay", ReplayScreen);
