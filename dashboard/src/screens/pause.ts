/**
 * A pause before something is taken: two ratings, three minutes of breath with the
 * question "Pain, or craving?", the two ratings again, then any choice is fine. It needs
 * no service and no sign-in, never touches a practice that is running, and can be left
 * at any time. Each answer is kept in the diary the moment it is given.
 *
 * How strong the pull is and how unpleasant the pain is are the two that are told apart
 * here. Who wants to be asked about craving is also asked how free the choice is: that
 * and the pull are what the event-contingent logs of the methadone trial held.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { api } from "../api.ts";
import { questionOf } from "../asked.ts";
import { copy, type Question } from "../copy.ts";
import { Cues } from "../cues.ts";
import { restToday } from "../dizziness.ts";
import { diaryBox, type DiaryNote, noteInDiary } from "../diary-box.ts";
import { LocalPace } from "../local-pace.ts";
import { sendStop } from "../outboxes.ts";
import { periodMs } from "../pacer.ts";
import { follow, Part } from "../part.ts";
import { dizzyWords } from "../parts/dizzy-words.ts";
import { notDurable } from "../parts/not-durable.ts";
import "../parts/asking.ts";
import "../parts/pacer.ts";
import { deviceWords } from "../parts/question.ts";
import "../parts/stop-strip.ts";
import { preferences } from "../preferences.ts";
import type { Rating, RatingType } from "../protocol.ts";
import { go } from "../router.ts";
import { newUlid } from "../ulid.ts";
import { WakeLock } from "../wake-lock.ts";

const BREATH_MS = 180_000;
const LOOK_EVERY_MS = 250;

type Step = "before" | "breath" | "after" | "choice" | "end" | "dizzy";
type Kind = keyof typeof copy.pause.kinds;
type Choice = keyof typeof copy.pause.choices;

export class PauseScreen extends Part {
  static override properties = {
    step: { state: true },
    kind: { state: true },
    leftMin: { state: true },
    running: { state: true },
    durable: { state: true },
  };
  declare step: Step;
  declare kind: Kind | null;
  declare leftMin: number;
  /** The practice that goes on meanwhile, if there is one. */
  declare running: string;
  declare durable: boolean;
  readonly #group = newUlid();
  readonly #wake = new WakeLock();
  #pace: LocalPace | null = null;
  #cues: Cues | null = null;
  #lastMs = BREATH_MS;
  #shownMs = performance.now();
  #timer: ReturnType<typeof setInterval> | undefined;
  #unfollow: (() => void) | undefined;

  constructor() {
    super();
    this.step = "before";
    this.kind = null;
    this.leftMin = 3;
    this.running = "";
    this.durable = true;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unfollow = follow(diaryBox, () => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unfollow?.();
    this.#endBreath();
  }

  protected override updated(changed: PropertyValues): void {
    if (!changed.has("step") || changed.get("step") === undefined) return;
    this.#shownMs = performance.now();
    requestAnimationFrame(() => {
      this.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    });
  }

  #note(note: Omit<DiaryNote, "occasion" | "group_id">): void {
    const kept = noteInDiary([{ occasion: "pause", group_id: this.#group, device: deviceWords(), ...note }]);
    this.durable &&= kept;
  }

  #rated(rating: Rating): void {
    this.#note({ ...rating, unit: "nrs_0_10" });
  }

  #begin(): void {
    const choices = preferences;
    const pace = new LocalPace(choices.get("rateBpm"), choices.get("inhalePct"), choices.get("restMs"));
    const part = pace.schedule.at(-1);
    // It ends with the end of a breath.
    this.#lastMs = part ? Math.floor(BREATH_MS / periodMs(part) + 1e-6) * periodMs(part) : BREATH_MS;
    this.#pace = pace;
    this.#cues = new Cues(pace, null);
    this.#cues.start();
    this.#wake.hold();
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.step = "breath";
  }

  #look(): void {
    const leftMs = this.#lastMs - (this.#pace?.nowMs() ?? 0);
    this.leftMin = Math.ceil(leftMs / 60_000);
    if (leftMs <= 0) this.#goOn();
  }

  #goOn(): void {
    this.#endBreath();
    this.step = "after";
  }

  /** Falls silent, and notes how long it was: any length is fine. */
  #endBreath(): void {
    const pace = this.#pace;
    if (!pace) return;
    clearInterval(this.#timer);
    this.#cues?.stop(250);
    this.#wake.release();
    this.#pace = null;
    const seconds = Math.round(Math.min(pace.nowMs(), this.#lastMs) / 1000);
    const { rate_bpm, inhale_pct, hold_out_ms } = pace.schedule.at(-1) ?? {};
    this.#note({ type: "breath", value: seconds, unit: "s", moment: "during" });
    this.#note({
      type: "pace",
      value: rate_bpm ?? null,
      unit: "breaths/min",
      text: `inhale_pct=${inhale_pct} rest_ms=${hold_out_ms}`,
      moment: "during",
    });
  }

  /** A practice that still runs behind this page ends as well. */
  async #endPractices(): Promise<void> {
    try {
      const running = (await api.sessions(true)).filter((one) => one.source !== "replay");
      await Promise.all(running.map((one) => sendStop(one.id)));
    } catch {
      // Out of reach or signed out: home offers to end it.
    }
  }

  #dizzy(): void {
    this.#endBreath();
    this.#note({ type: "symptom", text: "dizzy", moment: "during" });
    restToday();
    void this.#endPractices();
    this.step = "dizzy";
  }

  #tellKind(kind: Kind): void {
    this.kind = kind;
    this.#note({
      type: "pain_or_craving",
      text: kind,
      moment: "during",
      prompt: copy.pause.kind,
      latency_ms: Math.round(performance.now() - this.#shownMs),
    });
  }

  #choose(choice: Choice): void {
    this.#note({
      type: "choice",
      text: choice,
      moment: "after",
      prompt: copy.pause.choice,
      latency_ms: Math.round(performance.now() - this.#shownMs),
    });
    this.step = "end";
    // Only asked now: a pause waits for nobody.
    void api.sessions(true).then(
      (live) => (this.running = live.find((session) => session.source !== "replay")?.id ?? ""),
      () => undefined,
    );
  }

  protected override render(): TemplateResult {
    switch (this.step) {
      case "before":
        return this.#ask("before");
      case "breath":
        return this.#breath();
      case "after":
        return this.#ask("after");
      case "choice":
        return this.#choice();
      case "end":
        return this.#end();
      case "dizzy":
        return this.#rest();
    }
  }

  #ask(moment: "before" | "after"): TemplateResult {
    const c = copy.pause;
    const before = moment === "before";
    const free: readonly RatingType[] = !before && preferences.get("askCraving") ? ["self_control"] : [];
    const types: readonly RatingType[] = ["craving", "pain_unpleasantness", ...free];
    const questions = types.map(questionOf).filter((one): one is Question => one !== undefined);
    return html`<section class="screen ask pause" data-testid="pause-${moment}">
      <bf-asking
        .questions=${this.#once(moment, questions)}
        .moment=${moment}
        .position=${c.position}
        .lead=${before ? c.lead : c.afterLead}
        ?direct=${before}
        .skipAll=${before ? c.breatheNow : c.skipAfter}
        .leave=${c.leave}
        @rated=${(event: CustomEvent<Rating>) => this.#rated(event.detail)}
        @all-asked=${() => (before ? this.#begin() : (this.step = "choice"))}
        @leave=${() => go("home")}
      ></bf-asking>
      ${notDurable(this.durable)}
    </section>`;
  }

  /** The same list while it is asked: a new one would begin again. */
  readonly #lists = new Map<string, readonly Question[]>();
  #once(moment: string, questions: readonly Question[]): readonly Question[] {
    if (!this.#lists.has(moment)) this.#lists.set(moment, questions);
    return this.#lists.get(moment) ?? questions;
  }

  #breath(): TemplateResult {
    const c = copy.pause;
    return html`<section class="screen narrow pause-breath" data-testid="pause-breath">
      <h1 class="sr-only" tabindex="-1">${c.breathe}</h1>
      <bf-pacer .feed=${this.#pace}></bf-pacer>
      <p class="quiet centre">${c.left(this.leftMin)}. ${c.easy}</p>
      <fieldset class="plain kinds" data-testid="pain-or-craving">
        <legend>${c.kind}</legend>
        <div class="pills">
          ${(Object.entries(c.kinds) as [Kind, string][]).map(
            ([kind, words]) => html`<label class="pill">
              <input
                type="radio"
                name="kind"
                value=${kind}
                .checked=${this.kind === kind}
                @change=${() => this.#tellKind(kind)}
              />
              <span>${words}</span>
            </label>`,
          )}
        </div>
        <p class="quiet">${c.kindHint}</p>
      </fieldset>
      <bf-stop-strip @stop-now=${() => this.#dizzy()}></bf-stop-strip>
      <div class="quiet-actions">
        <button class="link" type="button" data-testid="go-on" @click=${() => this.#goOn()}>${c.goOn}</button>
        <button class="link" type="button" data-testid="leave" @click=${() => go("home")}>${c.leave}</button>
      </div>
    </section>`;
  }

  #choice(): TemplateResult {
    const c = copy.pause;
    return html`<section class="screen narrow pause" data-testid="pause-choice">
      <h1 tabindex="-1">${c.choice}</h1>
      <p class="lead">${c.choiceLead}</p>
      <div class="stack choices">
        ${(Object.entries(c.choices) as [Choice, string][]).map(
          ([choice, words]) => html`<button
            class="button big"
            type="button"
            data-testid="choice-${choice}"
            @click=${() => this.#choose(choice)}
          >
            ${words}
          </button>`,
        )}
      </div>
      ${notDurable(this.durable)}
    </section>`;
  }

  /** The same words for every choice. */
  #end(): TemplateResult {
    const c = copy.pause;
    return html`<section class="screen narrow pause" data-testid="pause-end">
      <h1 tabindex="-1">${c.endTitle}</h1>
      <p class="lead">${c.end}</p>
      <p class="quiet" role="status" data-testid="noted" data-pending=${diaryBox.pending}>
        ${diaryBox.pending > 0 ? copy.diary.waits : copy.diary.noted}
      </p>
      ${notDurable(this.durable)}
      <div class="stack choices">
        ${this.running
          ? html`<button
              class="button primary big"
              type="button"
              data-testid="back-to-practice"
              @click=${() => go("practice", this.running)}
            >
              ${c.back}
            </button>`
          : nothing}
        <button
          class="button big ${this.running ? "" : "primary"}"
          type="button"
          data-testid="home"
          @click=${() => go("home")}
        >
          ${copy.home}
        </button>
      </div>
    </section>`;
  }

  #rest(): TemplateResult {
    const c = copy.dizzy;
    return html`<section class="screen narrow pause" data-testid="pause-dizzy">
      ${dizzyWords()}
      <div class="stack">
        <button class="button primary big" type="button" data-testid="home" @click=${() => go("home")}>
          ${c.done}
        </button>
      </div>
    </section>`;
  }

}
customElements.define("bf-pause", PauseScreen);
