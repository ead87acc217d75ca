/** The practice: one circle to follow, the heart under it, and a way out. */

import { html, nothing, type TemplateResult } from "lit";
import { api } from "../api.ts";
import { copy } from "../copy.ts";
import type { Feed } from "../feed.ts";
import { sendPhase, sendRating, sendStop, sendSymptom } from "../outboxes.ts";
import { active, stateAt } from "../pacer.ts";
import { follow, Part } from "../part.ts";
import "../parts/numbers.ts";
import "../parts/pacer.ts";
import "../parts/radio-again.ts";
import { RateSheet } from "../parts/rate-sheet.ts";
import "../parts/signals.ts";
import "../parts/trace.ts";
import type { Rating } from "../protocol.ts";
import { rememberedMinutes } from "../remembered.ts";
import { go } from "../router.ts";
import { Settled } from "../settled.ts";
import { Announcer } from "../throttle.ts";
import { linkSentence, nextPace, paceWords, timeLeft } from "../words.ts";
import { WakeLock } from "../wake-lock.ts";

const TICK_MS = 250;
/** A connection that drops for less than this is not worth a word. */
const LOST_AFTER_MS = 1200;
/** The service says something every second; this long a silence means it hangs. */
const SILENT_AFTER_MS = 5000;

export class PracticeScreen extends Part {
  static override properties = {
    feed: { attribute: false },
    numbers: { state: true },
    second: { state: true },
    lost: { state: true },
    line: { state: true },
    said: { state: true },
    note: { state: true },
    ending: { state: true },
  };
  declare feed: Feed;
  declare numbers: boolean;
  declare second: number;
  declare lost: boolean;
  /** The link in words, and the advice below them: settled, so that neither flickers. */
  declare line: string;
  declare said: string;
  declare note: string;
  declare ending: boolean;
  #unfollow: (() => void) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #wake = new WakeLock();
  #announcer = new Announcer();
  #settled = new Settled<string>();
  #lostAt: number | null = null;
  #startedMs: number | null = null;
  #minutes = rememberedMinutes();
  #endsMs: number | null = null;
  #sent = false;

  constructor() {
    super();
    this.numbers = false;
    this.second = 0;
    this.lost = false;
    this.line = linkSentence(null);
    this.said = "";
    this.note = "";
    this.ending = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unfollow = follow(this.feed, () => this.requestUpdate());
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    document.addEventListener("keydown", this.#key);
    this.#wake.hold();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unfollow?.();
    clearInterval(this.#timer);
    document.removeEventListener("keydown", this.#key);
    this.#wake.release();
  }

  #tick(): void {
    const { feed } = this;
    const localMs = performance.now();
    this.#lostAt = feed.connected ? null : (this.#lostAt ?? localMs);
    const cut = this.#lostAt !== null && localMs - this.#lostAt > LOST_AFTER_MS;
    this.lost = !feed.over && (cut || localMs - feed.heardMs > SILENT_AFTER_MS);
    const wanted = this.#linkLine();
    this.line = this.#settled.show(wanted, localMs, this.lost || feed.link?.state === "streaming");
    this.#announcer.want(this.line.split("\n")[0] ?? "");
    this.said = this.#announcer.take(localMs) ?? this.said;
    const nowMs = feed.nowMs();
    if (nowMs === null) {
      if (feed.over && !this.#rating) this.#finish();
      return;
    }
    this.second = Math.floor(nowMs / 1000);
    this.#begin(nowMs);
    if (this.#leftMs(nowMs) > 0 && !feed.over) return; // over: it was ended elsewhere
    // Nor while an answer is being given: it would be lost with its sheet.
    if (this.#rating) return;
    // Never in the middle of a breath.
    this.#endsMs ??= stateAt(feed.schedule, nowMs)?.breath_end_ms ?? nowMs;
    if (nowMs >= this.#endsMs - 600) this.ending = true;
    if (nowMs >= this.#endsMs) this.#finish();
  }

  #begin(nowMs: number): void {
    const known = this.feed.phase;
    if (known) {
      this.#startedMs = known.startedMs;
      if (known.minutes > 0) this.#minutes = known.minutes;
      return;
    }
    this.#startedMs ??= nowMs;
    // What is held of the session comes first; only then is the entry truly missing.
    if (!this.#sent && this.feed.connected && this.feed.link) {
      this.#sent = true;
      sendPhase(this.feed, this.#minutes);
    }
  }

  get #rating(): boolean {
    return this.querySelector<RateSheet>("bf-rate-sheet")?.open ?? false;
  }

  #leftMs(nowMs: number): number {
    return (this.#startedMs ?? nowMs) + this.#minutes * 60_000 - nowMs;
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    this.#finish();
  };

  #finish(): void {
    go("after", this.feed.session.id);
  }

  #dizzy(): void {
    sendSymptom(this.feed.session.id, "dizzy");
    void sendStop(this.feed.session.id);
    go("dizzy", this.feed.session.id);
  }

  async #pace(step: 0.5 | -0.5): Promise<void> {
    const part = this.feed.schedule.at(-1);
    if (!part) return;
    try {
      await api.pace(this.feed.session.id, part, nextPace(part.rate_bpm, step));
      this.note = copy.practice.paceSoon;
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  #rated(event: CustomEvent<readonly Rating[]>): void {
    for (const rating of event.detail) sendRating(this.feed.session.id, rating);
    this.note = event.detail.length > 0 ? copy.practice.saved : "";
  }

  #linkLine(): string {
    if (this.lost) return copy.practice.lost;
    const { link } = this.feed;
    const advice = link && link.state !== "streaming" ? (link.advice ?? "") : "";
    return `${linkSentence(link)}\n${advice}`;
  }

  protected override render(): TemplateResult {
    const c = copy.practice;
    const { feed } = this;
    const nowMs = feed.nowMs();
    // Whatever is said stands below the circle: that never moves.
    return html`<section class="screen practice ${this.ending ? "ending" : ""}">
      <h1 class="sr-only" tabindex="-1">${c.title}</h1>
      <p class="sr-only" aria-live="polite">${this.said}</p>
      <bf-pacer .feed=${feed}></bf-pacer>
      <p class="time-left" data-testid="time-left">
        ${nowMs === null ? "" : timeLeft(this.#leftMs(nowMs))}
      </p>
      ${linkLine(this.lost ? "lost" : (feed.link?.state ?? "none"), this.line)}
      <bf-radio-again session=${feed.session.id}></bf-radio-again>
      <div class="notice-place" role="status">
        ${feed.trouble
          ? html`<p class="notice" data-testid="recording-notice">${feed.trouble}</p>`
          : nothing}
      </div>
      <bf-trace .feed=${feed}></bf-trace>
      ${this.numbers
        ? html`<bf-numbers .feed=${feed} .tick=${this.second}></bf-numbers>
            <bf-signals .feed=${feed} .tick=${this.second}></bf-signals>`
        : nothing}
      <p class="note quiet" role="status">${this.note}</p>
      <div class="practice-actions">
        <button
          class="button big"
          type="button"
          data-testid="rate-now"
          @click=${() => this.querySelector<RateSheet>("bf-rate-sheet")?.show()}
        >
          ${c.rateNow}
        </button>
        <button class="button big" type="button" data-testid="dizzy" @click=${() => this.#dizzy()}>
          ${c.dizzy}
        </button>
        <button
          class="button primary big"
          type="button"
          data-testid="stop"
          aria-keyshortcuts="Escape"
          @click=${() => this.#finish()}
        >
          ${c.stop}
        </button>
      </div>
      <div class="practice-more">
        ${this.#paceControl(nowMs)}
        ${numbersToggle(this.numbers, () => (this.numbers = !this.numbers))}
      </div>
      <bf-rate-sheet @ratings=${this.#rated}></bf-rate-sheet>
    </section>`;
  }

  #paceControl(nowMs: number | null): TemplateResult {
    const c = copy.practice;
    const part = this.feed.schedule.at(-1);
    const current = nowMs === null ? null : active(this.feed.schedule, nowMs);
    const rate = part?.rate_bpm ?? 6;
    const soon = current !== null && part !== undefined && current !== part;
    return html`<div class="pace" role="group" aria-label=${c.pace}>
      <button
        class="button slim"
        type="button"
        data-testid="slower"
        ?disabled=${!part || this.lost || nextPace(rate, -0.5) >= rate}
        @click=${() => this.#pace(-0.5)}
      >
        ${c.slower}
      </button>
      <span class="pace-words" data-testid="pace">${part ? paceWords(rate) : ""}${soon ? " …" : ""}</span>
      <button
        class="button slim"
        type="button"
        data-testid="faster"
        ?disabled=${!part || this.lost || nextPace(rate, 0.5) <= rate}
        @click=${() => this.#pace(0.5)}
      >
        ${c.faster}
      </button>
    </div>`;
  }
}
customElements.define("bf-practice", PracticeScreen);

/** The connection in words, and below them what there is to do: `words\nadvice`. */
export function linkLine(state: string, line: string): TemplateResult {
  const [words, advice] = line.split("\n");
  return html`<div class="link-box">
    <p class="link-line" data-testid="link-state" data-state=${state}>${words}</p>
    ${advice ? html`<p class="quiet" data-testid="link-advice">${advice}</p>` : nothing}
  </div>`;
}

export function numbersToggle(shown: boolean, toggle: () => void): TemplateResult {
  const c = copy.practice;
  return html`<button
    class="button slim"
    type="button"
    data-testid="toggle-numbers"
    aria-pressed=${shown}
    @click=${toggle}
  >
    ${shown ? c.hideNumbers : c.showNumbers}
  </button>`;
}
