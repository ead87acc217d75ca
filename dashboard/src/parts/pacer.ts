/**
 * The pacer, in the form that the person prefers. It follows the schedule by its own
 * clock, so it keeps its pace when the service is gone. A breath, and the one after it,
 * are handed to the browser's compositor as animations sampled from the pure function in
 * `pacer.ts`: sixty smooth frames a second, and next to no script. With less motion
 * asked for, nothing grows or wanders.
 */

import { html, type PropertyValues, type TemplateResult } from "lit";
import { copy, phaseWords } from "../copy.ts";
import { stillness } from "../motion.ts";
import { active, type Paced, type PacerPart as PaceOfBreath, type PacerState, phaseEndMs, stateAt } from "../pacer.ts";
import { follow, Part } from "../part.ts";
import { type Form, preferences } from "../preferences.ts";
import { bar } from "./pacer-bar.ts";
import { circle } from "./pacer-circle.ts";
import { type Breath, breathFrom, type PacerForm, sameBreath } from "./pacer-form.ts";
import { felt, hidden } from "./pacer-quiet.ts";
import { wave } from "./pacer-wave.ts";
import { words } from "./pacer-words.ts";

const LOOK_EVERY_MS = 250;
const STILL_EVERY_MS = 100;
/** What is this far from the clock is put right; less is not seen. */
const OFF_MS = 12;
const SLEPT_MS = 2500;

/** Where a phone cannot vibrate, words take over. */
export const canVibrate = typeof navigator !== "undefined" && "vibrate" in navigator;

function formOf(name: Form): PacerForm {
  switch (name) {
    case "circle":
      return circle;
    case "wave":
      return wave;
    case "bar":
      return bar;
    case "words":
      return words;
    case "sound":
      return felt("sound");
    case "vibration":
      return canVibrate ? felt("vibration") : words;
  }
}

export class PacerPart extends Part {
  static override properties = {
    feed: { attribute: false },
    covered: { attribute: false },
    form: { state: true },
  };
  declare feed: Paced;
  /** Whether what moves is hidden; the words of the phases stay. */
  declare covered: boolean;
  declare form: Form;
  #form: PacerForm = circle;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastMs = performance.now();
  #shown: { breath: Breath; speed: number; animations: Animation[] } | null = null;
  #unfollow: (() => void)[] = [];
  #known: readonly PaceOfBreath[] | null = null;

  constructor() {
    super();
    this.covered = false;
    this.form = preferences.get("form");
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unfollow = [follow(preferences, () => (this.form = preferences.get("form")))];
    // Another pace is shown with the next frame, not with the next look.
    if (this.feed instanceof EventTarget) this.#unfollow.push(follow(this.feed, () => this.#told()));
    this.#look();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const end of this.#unfollow.splice(0)) end();
    clearTimeout(this.#timer);
    this.#forget();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("form") && !changed.has("covered")) return;
    this.#forget();
    this.#form = this.covered ? hidden : formOf(this.form);
    delete this.dataset["phase"];
  }

  protected override updated(_: PropertyValues): void {
    this.#look();
  }

  #told(): void {
    if (this.feed.schedule === this.#known) return;
    this.#known = this.feed.schedule;
    this.#look();
  }

  /** Looks at the clock, puts everything right, and knows when to look again. */
  #look(): void {
    clearTimeout(this.#timer);
    const localMs = performance.now();
    if (localMs - this.#lastMs > SLEPT_MS) this.feed.resync(); // the computer slept
    this.#lastMs = localMs;
    const nowMs = this.feed.nowMs();
    const { schedule } = this.feed;
    const state = nowMs === null ? null : stateAt(schedule, nowMs);
    let waitMs = LOOK_EVERY_MS;
    if (nowMs !== null && state && this.hasUpdated) {
      const first = schedule[0]?.origin_ms ?? 0;
      if (nowMs < first) {
        this.#wait();
        waitMs = Math.min(waitMs, first - nowMs + 1);
      } else {
        waitMs = this.#show(nowMs, state);
      }
    }
    this.#timer = setTimeout(() => this.#look(), Math.max(waitMs, 4));
  }

  /** The first breath has not begun: lungs empty, and a word. */
  #wait(): void {
    if (this.dataset["phase"] === "wait") return;
    this.#forget();
    this.dataset["phase"] = "wait";
    this.#word(this.#form.words && this.#form !== words ? this.#form.words.in : copy.practice.leadIn);
  }

  #show(nowMs: number, state: PacerState): number {
    const { schedule, speed } = this.feed;
    const breath = breathFrom(schedule, state);
    this.#say(state);
    let waitMs = LOOK_EVERY_MS;
    if (stillness()) {
      this.#forget();
      this.#form.still(this, breath, nowMs);
      waitMs = STILL_EVERY_MS;
    } else this.#move(nowMs, breath, speed);
    const part = active(schedule, nowMs);
    if (part) waitMs = Math.min(waitMs, (phaseEndMs(part, state) - nowMs) / (speed || 1) + 1);
    return waitMs;
  }

  #say(state: PacerState): void {
    if (this.dataset["phase"] === state.phase) return;
    this.dataset["phase"] = state.phase;
    this.#word((this.#form.words ?? phaseWords)[state.phase]);
  }

  #word(text: string): void {
    const word = this.querySelector(".phase-word");
    if (word) word.textContent = text;
  }

  #move(nowMs: number, breath: Breath, speed: number): void {
    const pace = speed || 1; // a replay that is paused stands still at its place
    const atMs = (nowMs - breath.fromMs) / pace;
    let shown = this.#shown;
    const fresh = !shown || shown.speed !== speed || !sameBreath(shown.breath, breath);
    if (!shown || fresh) {
      this.#forget();
      const durationMs = (breath.toMs - breath.fromMs) / pace;
      shown = { breath, speed, animations: this.#form.move(this, breath, durationMs) };
      this.#shown = shown;
    }
    for (const animation of shown.animations) {
      if (speed === 0) {
        animation.pause();
        animation.currentTime = atMs;
        continue;
      }
      // By when it began, which is on the same clock as now: its current time is only
      // that of the last frame, and on a busy computer that may be long ago.
      const beganMs = performance.now() - atMs;
      const known = Number(animation.startTime ?? Infinity);
      if (fresh || Math.abs(known - beganMs) > OFF_MS) animation.startTime = beganMs;
    }
  }

  #forget(): void {
    for (const animation of this.#shown?.animations ?? []) animation.cancel();
    this.#shown = null;
  }

  protected override render(): TemplateResult {
    return html`<div class="pacer ${this.covered ? "covered" : this.#form.name}" data-testid="pacer">
      ${this.#form.template(copy.wait)}
    </div>`;
  }
}
customElements.define("bf-pacer", PacerPart);
