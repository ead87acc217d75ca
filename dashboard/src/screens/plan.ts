/** Plans: which there are, and the way through one, a step at a time. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { api } from "../api.ts";
import { questionOf } from "../asked.ts";
import { copy, type Question } from "../copy.ts";
import { Cues } from "../cues.ts";
import { noteDizzy } from "../dizziness.ts";
import type { Feed } from "../feed.ts";
import { outbox, sendRating, sendStop, unlessOver } from "../outboxes.ts";
import { RAMP_EASE_S, rampFrom, stateAt } from "../pacer.ts";
import { follow, Part } from "../part.ts";
import "../parts/asking.ts";
import "../parts/pacer.ts";
import { planChooser } from "../parts/plan-chooser.ts";
import "../parts/radio-again.ts";
import "../parts/script.ts";
import "../parts/stop-strip.ts";
import { logBegin, logMark, takePace } from "../practice-log.ts";
import { type Mark, type PlanNote, type PlanPractice, type PlanQuestions, type PlanStep, type Walk, walk } from "../plan-walk.ts";
import { preferences } from "../preferences.ts";
import type { PlanList, Rating, RatingType, SessionPlan, StrapList } from "../protocol.ts";
import { go } from "../router.ts";
import { hush } from "../speech.ts";
import { linkSentence, timeLeft } from "../words.ts";
import { WakeLock } from "../wake-lock.ts";

const TICK_MS = 250;
const LEAD_MS = 3000;
/** Breathing that was measured less surely than this tells no natural rate. */
const SURE = 0.5;
const SAVING_MS = 4000;

export class PlanScreen extends Part {
  static override properties = {
    feed: { attribute: false },
    plan: { state: true },
    list: { state: true },
    straps: { state: true },
    chosen: { state: true },
    strap: { state: true },
    nowMs: { state: true },
    busy: { state: true },
  };
  declare feed: Feed | null;
  declare plan: SessionPlan | null;
  declare list: PlanList | null;
  declare straps: StrapList | null;
  declare chosen: string | null;
  declare strap: string | null;
  declare nowMs: number | null;
  declare busy: boolean;
  #marks: Mark[] = [];
  readonly #told = new Set<string>();
  #unfollow: (() => void) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #wake = new WakeLock();
  #cues: Cues | null = null;
  #over = false;

  constructor() {
    super();
    this.feed = null;
    this.plan = null;
    this.list = null;
    this.straps = null;
    this.chosen = null;
    this.strap = null;
    this.nowMs = null;
    this.busy = false;
  }

  /** The element stays where a plan is chosen and then begun: only its session is new. */
  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("feed")) return;
    this.#end();
    this.#marks = [];
    this.#over = false;
    this.plan = null;
    void this.#load();
    const { feed } = this;
    if (!feed) return;
    this.#unfollow = follow(feed, () => this.#tick());
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#wake.hold();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#end();
  }

  #end(): void {
    this.#unfollow?.();
    clearInterval(this.#timer);
    this.#wake.release();
    this.#quiet();
  }

  async #load(): Promise<void> {
    try {
      if (this.feed) {
        this.plan = await api.sessionPlan(this.feed.session.id);
        this.#tick();
        return;
      }
      [this.list, this.straps] = await Promise.all([api.plans(), api.straps()]);
      const { straps, preferred } = this.straps;
      this.strap = preferred ?? straps.find((strap) => strap.simulated)?.id ?? straps[0]?.id ?? null;
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  async #begin(): Promise<void> {
    if (!this.chosen || !this.strap || this.busy) return;
    this.busy = true;
    try {
      const session = await api.start(this.strap, null, this.chosen);
      go("plan", session.id);
    } catch (problem) {
      this.tell("problem", problem);
    }
    this.busy = false;
  }

  // --- The way ------------------------------------------------------------------

  /** What the session knows, and what this page has marked and not yet heard of. */
  #walk(feed: Feed, plan: SessionPlan, nowMs: number): Walk {
    const heard = feed.entries
      .filter((entry) => entry.type === "plan")
      .map((entry) => ({ text: entry.text ?? "", atMs: entry.at_ms ?? entry.t_ms }));
    const waiting = this.#marks.filter((mark) => !heard.some((h) => h.text === mark.text && h.atMs === mark.atMs));
    const marks = [...heard, ...waiting].sort((a, b) => a.atMs - b.atMs);
    return walk(plan.steps, marks, nowMs, feed.schedule);
  }

  #tick(): void {
    const { feed, plan } = this;
    this.nowMs = feed?.nowMs() ?? null;
    if (!feed || !plan || this.nowMs === null || this.#over) return;
    // What is held of the session comes first; only then is a first mark truly missing.
    if (!feed.link || !feed.caughtUp) return;
    const { nowMs } = this;
    const now = this.#walk(feed, plan, nowMs);
    this.#tellDeviations(feed, now);
    if (now.done || feed.over) return this.#leave();
    if (now.index === null) return this.#to(0, nowMs);
    const dueMs = now.dueMs === null ? null : this.#endMs(now.dueMs, plan.steps[now.index]);
    if (dueMs !== null && nowMs >= dueMs) return this.#to(now.index + 1, dueMs);
    this.requestUpdate();
  }

  /** A practice ends with a whole breath, everything else to the second. */
  #endMs(dueMs: number, step: PlanStep | undefined): number {
    if (step?.kind !== "practice" || !this.feed) return dueMs;
    return stateAt(this.feed.schedule, dueMs - 1)?.breath_end_ms ?? dueMs;
  }

  #mark(text: string, atMs: number): void {
    if (!this.feed) return;
    const exactMs = Math.round(atMs * 1000) / 1000;
    this.#marks.push({ text, atMs: exactMs });
    logMark(this.feed, "plan", text, exactMs);
  }

  #to(index: number, atMs: number): void {
    const step = this.plan?.steps[index];
    this.#mark(step ? step.id : "end", atMs);
    this.#quiet();
    if (step?.kind === "practice") this.#pace(step, atMs);
    else if (step?.kind === "baseline") this.#sit(step.eyes, step.posture, atMs);
    this.#tick();
    void this.updateComplete.then(() => this.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true }));
  }

  #sit(eyes: string, posture: string, atMs: number): void {
    if (!this.feed) return;
    if (eyes !== "either") logMark(this.feed, "eyes", eyes, atMs);
    logMark(this.feed, "posture", posture === "either" ? preferences.get("posture") : posture, atMs);
  }

  #pace(step: PlanPractice, atMs: number): void {
    const { feed } = this;
    if (!feed) return;
    const startedMs = atMs + Math.min(LEAD_MS, 1000 * (step.duration_s ?? 0) * 0.1);
    const breathing = feed.metrics?.breathing;
    const natural = breathing && breathing.confidence >= SURE ? breathing.breaths_per_min : null;
    const command = {
      rate_bpm: step.rate_bpm,
      inhale_pct: step.inhale_pct,
      hold_in_ms: 0,
      hold_out_ms: step.rest_ms,
      ease_s: RAMP_EASE_S,
      from_rate_bpm: step.ramp ? rampFrom(natural, step.rate_bpm, step.minutes) : step.rate_bpm,
      origin_ms: startedMs,
    };
    takePace(feed, command, atMs, true);
    logBegin(feed, step.minutes, startedMs);
    if (step.practice) logMark(feed, "practice", step.practice, startedMs);
    this.#cues = new Cues(feed, feed);
    this.#cues.start();
  }

  /** Each once; after a reload the session itself tells which were sent. */
  #tellDeviations(feed: Feed, now: Walk): void {
    for (const { stepId, what, atMs, amount } of now.deviations) {
      const text = `${stepId}: ${what}`;
      const key = `${text} ${atMs}`;
      if (this.#told.has(key)) continue;
      this.#told.add(key);
      if (feed.entries.some((e) => e.type === "deviation" && e.text === text && e.at_ms === atMs)) continue;
      const unit = what === "pace_changed" ? "breaths/min" : "s";
      const entry = { type: "deviation", text, value: amount, unit: amount === null ? null : unit, at_ms: atMs };
      outbox.add(() => unlessOver(api.enter(feed.session.id, entry)), { answer: false });
    }
  }

  #quiet(): void {
    this.#cues?.stop();
    this.#cues = null;
    hush();
  }

  #leave(): void {
    this.#over = true;
    this.#quiet();
    const id = this.feed?.session.id ?? "";
    void this.#saved(id);
  }

  async #saved(id: string): Promise<void> {
    this.busy = true;
    await sendStop(id);
    await outbox.flushed(SAVING_MS);
    if (this.isConnected) go("done", id);
  }

  #stopNow(): void {
    if (!this.feed) return;
    this.#over = true;
    this.#cues?.stop(250);
    this.#cues = null;
    hush();
    noteDizzy(this.feed.session.id, this.feed.nowMs());
    go("dizzy", this.feed.session.id);
  }

  #next(): void {
    const { feed, plan } = this;
    const nowMs = feed?.nowMs() ?? null;
    if (!feed || !plan || nowMs === null) return;
    this.#to((this.#walk(feed, plan, nowMs).index ?? -1) + 1, nowMs);
  }

  #endAll(): void {
    const nowMs = this.feed?.nowMs() ?? null;
    if (nowMs === null) return;
    this.#mark("end", nowMs);
    this.#tick();
  }

  #hold(paused: boolean): void {
    const nowMs = this.feed?.nowMs() ?? null;
    if (nowMs === null) return;
    this.#mark(paused ? "resume" : "pause", nowMs);
    this.#tick();
  }

  // --- What is shown --------------------------------------------------------------

  protected override render(): TemplateResult {
    const { feed, plan, nowMs } = this;
    if (!feed) {
      return planChooser({
        list: this.list,
        straps: this.straps?.straps ?? [],
        chosen: this.chosen,
        strap: this.strap,
        busy: this.busy,
        choose: (id) => (this.chosen = id),
        wear: (id) => (this.strap = id),
        begin: () => void this.#begin(),
      });
    }
    const now = plan && nowMs !== null ? this.#walk(feed, plan, nowMs) : null;
    const step = now?.index == null ? undefined : plan?.steps[now.index];
    if (!plan || !now || !step || this.busy) {
      return html`<section class="screen narrow centred">
        <h1 tabindex="-1">${this.#over ? copy.ask.saving : copy.wait}</h1>
      </section>`;
    }
    return html`<section class="screen plan" data-testid="plan" data-step=${step.id} data-kind=${step.kind}>
      ${step.kind === "questions" ? nothing : this.#head(plan, now.index ?? 0)}
      ${keyed(step.id, this.#step(step, now))}
      ${step.kind === "questions"
        ? nothing
        : html`<p class="link-line" data-testid="link-state" data-state=${feed.link?.state ?? "none"}>
              ${linkSentence(feed.link)}
            </p>
            <bf-radio-again session=${feed.session.id}></bf-radio-again>`}
      <div class="quiet-actions">
        <button class="link" type="button" data-testid="plan-end" @click=${() => this.#endAll()}>
          ${copy.plan.end}
        </button>
      </div>
      ${step.kind === "practice"
        ? html`<bf-stop-strip @stop-now=${() => this.#stopNow()}></bf-stop-strip>`
        : nothing}
    </section>`;
  }

  #head(plan: SessionPlan, index: number): TemplateResult {
    const label = plan.label ? `, ${copy.plan.group(plan.label)}` : "";
    return html`<p class="position" data-testid="plan-place">
      ${copy.plan.of(index + 1, plan.steps.length)}${label}
    </p>`;
  }

  #step(step: PlanStep, now: Walk): TemplateResult {
    switch (step.kind) {
      case "questions":
        return this.#questions(step);
      case "practice":
        return this.#practice(now);
      case "note":
        return this.#note(step);
      case "resonance":
        return html`<h1 tabindex="-1">${copy.plan.resonance}</h1>
          <p class="lead">${copy.plan.resonanceLead}</p>
          <div class="bar pair">
            <button class="button big" type="button" data-testid="plan-next" @click=${() => this.#next()}>
              ${copy.plan.goOn}
            </button>
            <button
              class="button primary big"
              type="button"
              @click=${() => go("assess", this.feed?.session.id ?? "")}
            >
              ${copy.plan.open}
            </button>
          </div>`;
      case "baseline":
      case "rest":
      case "recovery": {
        const c = copy.plan[step.kind];
        const lines = step.kind === "baseline" ? [...c.lines, ...eyesLines(step.eyes)] : c.lines;
        return this.#still(c.title, lines, now);
      }
    }
  }

  /** A quiet page: nothing moves, nothing is to be done. */
  #still(title: string, lines: readonly string[], now: Walk): TemplateResult {
    const c = copy.plan;
    return html`<div class="plan-still">
        <h1 tabindex="-1">${title}</h1>
        ${lines.map((line) => html`<p class="lead">${line}</p>`)}
        <p class="time-left" data-testid="time-left">${now.paused ? c.paused : timeLeft(now.leftMs ?? 0)}</p>
      </div>
      <div class="bar pair">
        <button class="button big" type="button" data-testid="plan-pause" @click=${() => this.#hold(now.paused)}>
          ${now.paused ? c.resume : c.pause}
        </button>
        <button class="button big" type="button" data-testid="plan-next" @click=${() => this.#next()}>${c.goOn}</button>
      </div>`;
  }

  #practice(now: Walk): TemplateResult {
    return html`<h1 class="sr-only" tabindex="-1">${copy.practice.title}</h1>
      <div class="pacer-place"><bf-pacer .feed=${this.feed}></bf-pacer></div>
      <bf-script .feed=${this.feed}></bf-script>
      <p class="time-left" data-testid="time-left">${timeLeft(now.leftMs ?? 0)}</p>
      <div class="bar">
        <button class="button big" type="button" data-testid="plan-next" @click=${() => this.#next()}>
          ${copy.plan.goOn}
        </button>
      </div>`;
  }

  #questions(step: PlanQuestions): TemplateResult {
    const feed = this.feed;
    if (!feed) return html``;
    const wanted = step.types
      .map((type) => questionOf(type as RatingType))
      .filter((question): question is Question => question !== undefined);
    const given = feed.entries.filter((e) => e.moment === step.moment).map((e) => e.type);
    const key = given.join();
    if (this.#asked?.id !== step.id || this.#asked.key !== key) {
      this.#asked = { id: step.id, key, questions: this.#asked?.id === step.id ? this.#asked.questions : wanted, given };
    }
    return html`<bf-asking
      class="ask"
      .questions=${this.#asked.questions}
      .given=${this.#asked.given}
      .moment=${step.moment}
      .position=${copy.plan.asking[step.moment]}
      @rated=${(event: CustomEvent<Rating>) => sendRating(feed.session.id, event.detail)}
      @all-asked=${() => this.#next()}
    ></bf-asking>`;
  }
  /** The same arrays as long as they say the same: the questions keep their place. */
  #asked: { id: string; key: string; questions: readonly Question[]; given: readonly string[] } | null = null;

  #note(step: PlanNote): TemplateResult {
    const keep = (event: Event): void => {
      event.preventDefault();
      const words = this.querySelector<HTMLTextAreaElement>("#plan-note")?.value.trim() ?? "";
      const nowMs = this.feed?.nowMs() ?? null;
      if (words && this.feed && nowMs !== null) logMark(this.feed, "note", words, nowMs);
      this.#next();
    };
    return html`<form @submit=${keep} autocomplete="off">
      <h1 tabindex="-1">${step.prompt || copy.plan.note}</h1>
      <label class="sr-only" for="plan-note">${step.prompt || copy.plan.note}</label>
      <textarea id="plan-note" class="plan-note" rows="5" maxlength="2000"></textarea>
      <p class="quiet">${copy.plan.noteLead}</p>
      <div class="bar">
        <button class="button primary big" type="submit" data-testid="plan-next">${copy.plan.done}</button>
      </div>
    </form>`;
  }
}
customElements.define("bf-plan", PlanScreen);

function eyesLines(eyes: "open" | "closed" | "either"): readonly string[] {
  return eyes === "either" ? [] : [copy.plan.eyes[eyes]];
}
