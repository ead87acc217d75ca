/**
 * The practice: a pacer to follow, the heart that answers, and a way out. It begins, is
 * paced, and ends with breaths of one's own, with the service or without it.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { adaptWords } from "../adapt-words.ts";
import { api, Unreachable } from "../api.ts";
import { copy } from "../copy.ts";
import { noteDizzy } from "../dizziness.ts";
import { type Course, courseAt, type Stage } from "../course.ts";
import { Cues } from "../cues.ts";
import type { Feed } from "../feed.ts";
import { sendRating } from "../outboxes.ts";
import { active, RAMP_EASE_S, rampFrom, rejoin } from "../pacer.ts";
import { follow, Part } from "../part.ts";
import "../parts/answering.ts";
import "../parts/eyes-closed.ts";
import "../parts/pacer.ts";
import { pacerChoices } from "../parts/pacer-choices.ts";
import "../parts/radio-again.ts";
import { RateSheet } from "../parts/rate-sheet.ts";
import "../parts/script.ts";
import "../parts/stop-strip.ts";
import { letAdapt, logBegin, logMark, takePace } from "../practice-log.ts";
import { preferences } from "../preferences.ts";
import type { Rating } from "../protocol.ts";
import { go } from "../router.ts";
import { Settled } from "../settled.ts";
import { hush } from "../speech.ts";
import { Guide } from "../spoken.ts";
import { Announcer } from "../throttle.ts";
import { linkSentence, nextPace, serviceSays, timeLeft } from "../words.ts";
import { WakeLock } from "../wake-lock.ts";

const TICK_MS = 250;
/** A connection that drops for less than this is not worth a word. */
const LOST_AFTER_MS = 1200;
/** The service says something every second; this long a silence means it hangs. */
const SILENT_AFTER_MS = 5000;
/** Time to let a breath go before the first one begins. */
const LEAD_MS = 3000;
const LONGER_MIN = 3;
/** A word on what was just done goes again. */
const NOTE_MS = 8000;
/** Breathing that was measured less surely than this tells no natural rate. */
const SURE = 0.5;

export class PracticeScreen extends Part {
  static override properties = {
    feed: { attribute: false },
    numbers: { state: true },
    second: { state: true },
    lost: { state: true },
    line: { state: true },
    said: { state: true },
    note: { state: true },
    stage: { state: true },
    covered: { state: true },
    looking: { state: true },
  };
  declare feed: Feed;
  declare numbers: boolean;
  declare second: number;
  declare lost: boolean;
  /** The link in words, and the advice below them: settled, so that neither flickers. */
  declare line: string;
  declare said: string;
  declare note: string;
  declare stage: Stage;
  /** Whether what moves is hidden (WCAG 2.2.2). */
  declare covered: boolean;
  /** Whether somebody who meant to close their eyes wants to see the page after all. */
  declare looking: boolean;
  #unfollow: (() => void)[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #wake = new WakeLock();
  #announcer = new Announcer();
  #settled = new Settled<string>();
  #cues: Cues | null = null;
  #guide = new Guide();
  #lostAt: number | null = null;
  #notedMs = -Infinity;
  /** Until when somebody asked to go on. */
  #longerMs = -Infinity;
  /** When somebody was still answering. */
  #heldMs = -Infinity;

  constructor() {
    super();
    this.numbers = false;
    this.second = 0;
    this.lost = false;
    this.line = linkSentence(null);
    this.said = "";
    this.note = "";
    this.stage = "paced";
    this.covered = false;
    this.looking = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unfollow = [
      follow(this.feed, () => this.requestUpdate()),
      follow(preferences, () => this.requestUpdate()),
    ];
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#wake.hold();
    this.#listen();
    this.#tick();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const end of this.#unfollow.splice(0)) end();
    clearInterval(this.#timer);
    this.#wake.release();
    this.#cues?.stop();
    this.#cues = null;
  }

  protected override updated(changed: PropertyValues): void {
    if (!changed.has("stage") || !changed.get("stage")) return;
    this.said = this.stage === "free" ? copy.practice.free : this.stage === "sign" ? copy.practice.sign : "";
  }

  #listen(): void {
    this.#cues?.stop();
    this.#cues = new Cues(this.feed, this.feed);
    this.#cues.start();
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
    if (localMs - this.#notedMs > NOTE_MS) this.note = "";
    const nowMs = feed.nowMs();
    if (feed.over && !this.#rating) this.#finish(); // it was ended elsewhere
    if (nowMs === null) return;
    this.second = Math.floor(nowMs / 1000);
    this.#begin(nowMs);
    const untilMs = this.#untilMs;
    if (untilMs === null) return;
    // An answer that is being given would be lost with its sheet.
    if (this.#rating && nowMs >= untilMs) this.#heldMs = nowMs;
    const course = courseAt(feed.schedule, untilMs, nowMs, this.#heldMs);
    this.#reach(course);
    const minutes = feed.phase?.minutes || preferences.get("minutes");
    // While the service is away nobody knows of the strap.
    const heart = this.lost || !feed.link ? null : feed.link.state === "streaming";
    this.#guide.tick({ minutes, leftMs: course.leftMs, stage: course.stage, heart }, localMs);
  }

  #reach({ stage, pacedEndMs }: Course): void {
    if (stage === this.stage) return;
    const before = this.stage;
    this.stage = stage;
    if (stage === "free") {
      this.#cues?.rest();
      logMark(this.feed, "phase", "practice/own_breaths", pacedEndMs);
    } else if (stage === "sign" && before === "free") this.#cues?.ending();
    else if (stage === "over") this.#finish();
    else if (stage === "paced") this.#listen();
  }

  /** Begins once: whoever finds a practice under way goes on with it. */
  #begin(nowMs: number): void {
    const { feed } = this;
    // What is held of the session comes first; only then is the entry truly missing.
    if (feed.phase || !feed.caughtUp || !feed.link || feed.over) return;
    const minutes = preferences.get("minutes");
    const startedMs = nowMs + LEAD_MS;
    feed.begin({ startedMs, minutes });
    const rate = preferences.get("rateBpm");
    const breathing = feed.metrics?.breathing;
    const natural = breathing && breathing.confidence >= SURE ? breathing.breaths_per_min : null;
    const command = {
      rate_bpm: rate,
      inhale_pct: preferences.get("inhalePct"),
      hold_in_ms: 0,
      hold_out_ms: preferences.get("restMs"),
      ease_s: RAMP_EASE_S,
      from_rate_bpm: preferences.get("ramp") ? rampFrom(natural, rate, minutes) : rate,
      origin_ms: startedMs,
    };
    takePace(feed, command, nowMs, true);
    logBegin(feed, minutes, startedMs);
    if (preferences.get("adaptive")) letAdapt(feed, true);
    const practice = preferences.get("practice");
    if (practice) logMark(feed, "practice", practice, startedMs);
    logMark(feed, "posture", preferences.get("posture"), startedMs);
    logMark(feed, "eyes", preferences.get("eyesClosed") ? "closed" : "open", startedMs);
  }

  /** While the words ask for no pace, none is heard or felt. */
  #quiet(event: CustomEvent<boolean>): void {
    if (this.stage !== "paced") return;
    if (event.detail) this.#cues?.rest();
    else this.#cues?.resume();
  }

  get #rating(): boolean {
    return this.querySelector<RateSheet>("bf-rate-sheet")?.open ?? false;
  }

  /** When the paced time is over. */
  get #untilMs(): number | null {
    const { phase, entries } = this.feed;
    if (!phase) return null;
    const minutes = phase.minutes || preferences.get("minutes");
    const longer = entries
      .filter((e) => e.type === "phase" && e.text === "practice/longer")
      .map((e) => (e.at_ms ?? e.t_ms) + (e.value ?? 0) * 60_000);
    return Math.max(phase.startedMs + minutes * 60_000, this.#longerMs, ...longer);
  }

  /** Somebody who meant to close their eyes looks after all. */
  #look(): void {
    this.looking = true;
    const nowMs = this.feed.nowMs();
    if (nowMs !== null) logMark(this.feed, "eyes", "open", nowMs);
  }

  #finish(): void {
    go("after", this.feed.session.id);
  }

  /** On request alone, and so is their code. */
  async #details(): Promise<void> {
    try {
      await Promise.all([import("../parts/numbers.ts"), import("../parts/signals.ts")]);
      this.numbers = !this.numbers;
    } catch {
      this.tell("problem", new Unreachable());
    }
  }

  /** Dizzy: everything falls silent and still, whatever else waits. */
  #stopNow(): void {
    this.#cues?.stop(250);
    hush();
    noteDizzy(this.feed.session.id, this.feed.nowMs());
    go("dizzy", this.feed.session.id);
  }

  /** "I lost it": a breath begins with this tap. */
  #rejoin(): void {
    const nowMs = this.feed.nowMs();
    const startedMs = this.feed.phase?.startedMs ?? Infinity;
    if (nowMs === null || nowMs < startedMs) return; // the first breath is still to come
    const command = rejoin(this.feed.schedule, nowMs);
    if (!command) return;
    takePace(this.feed, command, nowMs);
    this.#noted(copy.practice.rejoined);
  }

  #longer(): void {
    const nowMs = this.feed.nowMs();
    if (nowMs === null) return;
    this.#rejoin();
    this.#longerMs = nowMs + LONGER_MIN * 60_000;
    logMark(this.feed, "phase", "practice/longer", nowMs, LONGER_MIN);
    this.#tick();
  }

  async #pace(step: 0.5 | -0.5): Promise<void> {
    const part = this.feed.schedule.at(-1);
    if (!part) return;
    try {
      await api.pace(this.feed.session.id, part, nextPace(part.rate_bpm, step));
      this.#noted(copy.practice.paceSoon);
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  #rated(event: CustomEvent<readonly Rating[]>): void {
    for (const rating of event.detail) sendRating(this.feed.session.id, rating);
    if (event.detail.length > 0) this.#noted(copy.practice.saved);
  }

  #noted(words: string): void {
    this.note = words;
    this.#notedMs = performance.now();
  }

  #linkLine(): string {
    if (this.feed.signedOut) return ""; // said above, with the way back in
    if (this.lost) return copy.practice.lost;
    const { link } = this.feed;
    const advice = link && link.state !== "streaming" ? serviceSays(link.reason, link.advice) : "";
    return `${linkSentence(link)}\n${advice}`;
  }

  #timeLeft(nowMs: number | null): string {
    const untilMs = this.#untilMs;
    if (nowMs === null || untilMs === null || this.stage !== "paced") return "";
    return timeLeft(untilMs - nowMs);
  }

  protected override render(): TemplateResult {
    const c = copy.practice;
    const { feed } = this;
    const nowMs = feed.nowMs();
    const closed = preferences.get("eyesClosed") && !this.looking;
    const link = this.lost ? "lost" : (feed.link?.state ?? "none");
    // In the place of "your strap is connected": nothing moves when it comes or goes.
    const note = this.note || adaptWords(feed.entries);
    // Whatever is said stands below the pacer: that never moves.
    return html`<section
      class="screen practice ${this.stage}"
      data-stage=${this.stage}
      data-eyes=${closed ? "closed" : "open"}
    >
      <h1 class="sr-only" tabindex="-1">${c.title}</h1>
      <p class="sr-only" aria-live="polite">${this.said}</p>
      ${closed
        ? html`<bf-eyes-closed
            .left=${this.#timeLeft(nowMs)}
            @finish=${() => this.#finish()}
            @open-eyes=${() => this.#look()}
          ></bf-eyes-closed>`
        : nothing}
      <div class="pacer-place">
        <bf-pacer .feed=${feed} .covered=${this.covered}></bf-pacer>
        ${this.stage === "paced" ? nothing : ownBreaths(this.stage)}
      </div>
      <bf-suggestion .feed=${feed} .paced=${this.stage === "paced"}></bf-suggestion>
      <bf-script .feed=${feed} @quiet=${this.#quiet}></bf-script>
      <p class="time-left" data-testid="time-left">${this.#timeLeft(nowMs)}</p>
      ${linkLine(link, link === "streaming" && note ? note : this.line)}
      <bf-radio-again session=${feed.session.id}></bf-radio-again>
      <div class="notice-place" role="status">
        ${feed.trouble
          ? html`<p class="notice" data-testid="recording-notice">${feed.trouble}</p>`
          : nothing}
      </div>
      <bf-answering .feed=${feed} .covered=${this.covered}></bf-answering>
      ${this.numbers
        ? html`<bf-numbers .feed=${feed} .tick=${this.second}></bf-numbers>
            <bf-signals .feed=${feed} .tick=${this.second}></bf-signals>`
        : nothing}
      <p class="sr-only" role="status">${note}</p>
      <div class="practice-actions">
        ${this.stage === "paced"
          ? html`<button class="button big" type="button" data-testid="lost-it" @click=${() => this.#rejoin()}>
              ${c.lostIt}
            </button>`
          : html`<button class="button big" type="button" data-testid="longer" @click=${() => this.#longer()}>
              ${c.longer}
            </button>`}
        <button
          class="button big"
          type="button"
          data-testid="rate-now"
          @click=${() => this.querySelector<RateSheet>("bf-rate-sheet")?.show()}
        >
          ${c.rateNow}
        </button>
        <button class="button primary big" type="button" data-testid="stop" @click=${() => this.#finish()}>
          ${c.stop}
        </button>
        <bf-stop-strip @stop-now=${() => this.#stopNow()}></bf-stop-strip>
      </div>
      <div class="practice-more">
        ${pacerChoices({
          part: feed.schedule.at(-1) ?? null,
          soon: nowMs !== null && active(feed.schedule, nowMs) !== feed.schedule.at(-1),
          away: this.lost,
          covered: this.covered,
          cover: () => (this.covered = !this.covered),
          pace: (step) => void this.#pace(step),
        })}
        ${numbersToggle(this.numbers, () => void this.#details())}
      </div>
      <bf-rate-sheet @ratings=${this.#rated} @stop-now=${() => this.#stopNow()}></bf-rate-sheet>
    </section>`;
  }
}
customElements.define("bf-practice", PracticeScreen);

/** Where the pacer was: first breaths of one's own, then a soft sign that it is over. */
function ownBreaths(stage: Stage): TemplateResult {
  const c = copy.practice;
  const free = stage === "free";
  return html`<div class="own-breaths ${stage}" data-testid="own-breaths">
    ${free ? nothing : html`<div class="soft-sign" aria-hidden="true"></div>`}
    <p class="own-words">${free ? c.free : c.sign}</p>
    <p class="quiet">${free ? c.freeLead : ""}</p>
  </div>`;
}

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
