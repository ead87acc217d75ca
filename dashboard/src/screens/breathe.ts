/**
 * The pacer alone: without a strap, without the service, without anybody signed in. It
 * goes as the person likes it to go, ends with breaths of their own, and keeps nothing.
 */

import { html, type PropertyValues, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { courseAt, type Stage } from "../course.ts";
import { Cues } from "../cues.ts";
import { restsToday, restToday } from "../dizziness.ts";
import { LocalPace } from "../local-pace.ts";
import { Part } from "../part.ts";
import { dizzyWords, restDayWords } from "../parts/dizzy-words.ts";
import "../parts/pacer.ts";
import "../parts/stop-strip.ts";
import { lengths, preferences } from "../preferences.ts";
import { go } from "../router.ts";
import { hush } from "../speech.ts";
import { Guide } from "../spoken.ts";
import { WakeLock } from "../wake-lock.ts";
import { timeLeft } from "../words.ts";

const LOOK_EVERY_MS = 250;
/** Time to let a breath go before the first one begins. */
const LEAD_MS = 3000;
/** What is heard is gone this soon after "stop". */
const SILENT_MS = 200;

type Step = "intro" | "breath" | "done" | "dizzy";

export class BreatheScreen extends Part {
  static override properties = {
    step: { state: true },
    stage: { state: true },
    left: { state: true },
    minutes: { state: true },
  };
  declare step: Step;
  declare stage: Stage;
  /** What is left, in words; empty when it is not paced. */
  declare left: string;
  declare minutes: number;
  readonly #wake = new WakeLock();
  #pace: LocalPace | null = null;
  #cues: Cues | null = null;
  #guide = new Guide();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.step = "intro";
    this.stage = "paced";
    this.left = "";
    this.minutes = preferences.get("minutes");
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    hush();
    this.#end();
  }

  protected override updated(changed: PropertyValues): void {
    if (!changed.has("step") || changed.get("step") === undefined) return;
    requestAnimationFrame(() => {
      this.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    });
  }

  #begin(): void {
    preferences.set("minutes", this.minutes);
    const startMs = performance.now() + LEAD_MS;
    this.#pace = new LocalPace(
      preferences.get("rateBpm"),
      preferences.get("inhalePct"),
      preferences.get("restMs"),
      startMs,
    );
    this.#cues = new Cues(this.#pace, null);
    this.#cues.start();
    this.#guide = new Guide();
    this.#wake.hold();
    this.stage = "paced";
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#look();
    this.step = "breath";
  }

  #look(): void {
    const pace = this.#pace;
    if (!pace) return;
    const { stage, leftMs } = courseAt(pace.schedule, this.minutes * 60_000, pace.nowMs());
    this.#guide.tick({ minutes: this.minutes, leftMs, stage, heart: null }, performance.now());
    this.left = stage === "paced" ? timeLeft(leftMs) : "";
    if (stage === this.stage) return;
    this.stage = stage;
    if (stage === "free") this.#cues?.rest();
    else if (stage === "sign") this.#cues?.ending();
    else if (stage === "over") this.#goTo("done");
  }

  #goTo(step: Step): void {
    this.#end();
    this.step = step;
  }

  #stop(): void {
    hush();
    this.#goTo("done");
  }

  /** Dizzy: silent at once, and nothing asks to begin again today. */
  #stopNow(): void {
    hush();
    restToday();
    this.#goTo("dizzy");
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#cues?.stop(SILENT_MS);
    this.#cues = null;
    this.#pace = null;
    this.#wake.release();
  }

  protected override render(): TemplateResult {
    switch (this.step) {
      case "intro":
        return restsToday() ? this.#restDay() : this.#intro();
      case "breath":
        return this.#breath();
      case "done":
        return this.#done();
      case "dizzy":
        return this.#dizzy();
    }
  }

  #intro(): TemplateResult {
    const c = copy.breathe;
    return html`<section class="screen narrow breathe" data-testid="breathe-intro">
      <h1 tabindex="-1">${c.title}</h1>
      <p class="lead">${c.lead}</p>
      <fieldset class="plain">
        <legend><h2>${copy.start.minutes}</h2></legend>
        <div class="pills">
          ${lengths.map(
            (minutes) => html`<label class="pill">
              <input
                type="radio"
                name="minutes"
                value=${minutes}
                .checked=${this.minutes === minutes}
                @change=${() => (this.minutes = minutes)}
              />
              <span>${minutes}</span>
            </label>`,
          )}
        </div>
      </fieldset>
      <div class="bar">
        <button
          class="button primary big"
          type="button"
          data-testid="breathe-begin"
          @click=${() => this.#begin()}
        >
          ${c.begin}
        </button>
      </div>
    </section>`;
  }

  /** The choice stays with the person; nothing asks for it. */
  #restDay(): TemplateResult {
    return html`<section class="screen narrow breathe" data-testid="breathe-rest">
      ${restDayWords()}
      <div class="stack">
        <button class="button primary big" type="button" data-testid="home" @click=${() => go("home")}>
          ${copy.home}
        </button>
        <button class="link" type="button" data-testid="breathe-begin" @click=${() => this.#begin()}>
          ${copy.breathe.begin}
        </button>
      </div>
    </section>`;
  }

  #breath(): TemplateResult {
    const c = copy.breathe;
    return html`<section class="screen practice breathe ${this.stage}" data-testid="breathing" data-stage=${this.stage}>
      <h1 class="sr-only" tabindex="-1">${c.title}</h1>
      <div class="pacer-place">
        <bf-pacer .feed=${this.#pace}></bf-pacer>
        ${this.stage === "paced" ? "" : this.#ownBreaths()}
      </div>
      <p class="sr-only" aria-live="polite">${this.stage === "paced" ? "" : this.#words}</p>
      <p class="time-left" data-testid="time-left">${this.left}</p>
      <div class="practice-actions one">
        <button
          class="button primary big"
          type="button"
          data-testid="breathe-stop"
          @click=${() => this.#stop()}
        >
          ${c.stop}
        </button>
        <bf-stop-strip @stop-now=${() => this.#stopNow()}></bf-stop-strip>
      </div>
    </section>`;
  }

  get #words(): string {
    return this.stage === "free" ? copy.breathe.own : copy.breathe.doneTitle;
  }

  #ownBreaths(): TemplateResult {
    return html`<div class="own-breaths" data-testid="own-breaths">
      ${this.stage === "free" ? "" : html`<div class="soft-sign" aria-hidden="true"></div>`}
      <p class="own-words">${this.#words}</p>
    </div>`;
  }

  #done(): TemplateResult {
    const c = copy.breathe;
    return html`<section class="screen narrow breathe" data-testid="breathe-done">
      <h1 tabindex="-1">${c.doneTitle}</h1>
      <p class="lead">${c.doneLead}</p>
      <div class="stack">
        <button class="button primary big" type="button" data-testid="home" @click=${() => go("home")}>
          ${copy.home}
        </button>
        <button class="button big" type="button" data-testid="again" @click=${() => this.#goTo("intro")}>
          ${c.again}
        </button>
      </div>
    </section>`;
  }

  #dizzy(): TemplateResult {
    const c = copy.dizzy;
    return html`<section class="screen narrow breathe" data-testid="breathe-dizzy">
      ${dizzyWords()}
      <div class="stack">
        <button class="button primary big" type="button" data-testid="home" @click=${() => go("home")}>
          ${c.done}
        </button>
      </div>
    </section>`;
  }
}
customElements.define("bf-breathe", BreatheScreen);
