/**
 * The resonance assessment: what it is, the way through its paces, and what was found.
 * The table of paces comes from the service; the marks of the session say how far it is.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { api } from "../api.ts";
import { assessWalk, type AssessWalk, DONE, type PhaseMark } from "../assess-walk.ts";
import { LIKELY } from "../assess-words.ts";
import { copy } from "../copy.ts";
import { later } from "../copy-later.ts";
import { noteDizzy } from "../dizziness.ts";
import { Cues } from "../cues.ts";
import { type Feed, PHASE } from "../feed.ts";
import { outbox, sendStop } from "../outboxes.ts";
import { follow, Part } from "../part.ts";
import { assessIntro } from "../parts/assess-intro.ts";
import "../parts/assess-result.ts";
import "../parts/pacer.ts";
import "../parts/radio-again.ts";
import "../parts/stop-strip.ts";
import { logMark, takePace } from "../practice-log.ts";
import { preferences } from "../preferences.ts";
import type { AssessForm, Assessment, AssessPart, AssessPlan, KeptEstimate, StrapList } from "../protocol.ts";
import { go } from "../router.ts";
import { hush } from "../speech.ts";
import { linkSentence, paceWords, timeLeft } from "../words.ts";
import { WakeLock } from "../wake-lock.ts";

const TICK_MS = 250;
/** A page that slept for longer than this goes on from now, not from then. */
const LATE_MS = 2000;
/** A pace of the sliding form is asked for so long before its breath begins. */
const AHEAD_MS = 2000;
const SOON_MS = 6000;
const SAVING_MS = 4000;
const USUAL_BPM = 6;
const INHALE_PCT = 40;
const SLIDING = "resonance_sliding";
const STEPPED = "resonance";

/** What was chosen before there was a session to note it in. */
let chosenForm: AssessForm = "stepped";

export class AssessScreen extends Part {
  static override properties = {
    session: {},
    feed: { attribute: false },
    straps: { state: true },
    strap: { state: true },
    form: { state: true },
    last: { state: true },
    plan: { state: true },
    found: { state: true },
    nowMs: { state: true },
    busy: { state: true },
  };
  declare session: string;
  declare feed: Feed | null;
  declare straps: StrapList | null;
  declare strap: string | null;
  declare form: AssessForm;
  declare last: KeptEstimate | null;
  declare plan: AssessPlan | null;
  declare found: Assessment | null;
  declare nowMs: number | null;
  declare busy: boolean;
  #marks: PhaseMark[] = [];
  #again: string | null = null;
  /** The place of the next pace of the part that goes on. */
  #pace = 0;
  #cues: Cues | null = null;
  #unfollow: (() => void) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #wake = new WakeLock();
  #over = false;
  #asking = false;
  #shown = "";

  constructor() {
    super();
    this.session = "";
    this.feed = null;
    this.straps = null;
    this.strap = null;
    this.form = chosenForm;
    this.last = null;
    this.plan = null;
    this.found = null;
    this.nowMs = null;
    this.busy = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#leaveFeed();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("feed")) return;
    this.#leaveFeed();
    const { feed } = this;
    if (!feed) return void this.#meet();
    this.#unfollow = follow(feed, () => this.#tick());
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#wake.hold();
  }

  protected override updated(): void {
    // Each part has a heading of its own, which takes the focus when it comes.
    const heading = this.querySelector<HTMLElement>("h1");
    const shown = heading?.dataset["part"] ?? "";
    if (shown && this.#shown && shown !== this.#shown) heading?.focus({ preventScroll: true });
    this.#shown = shown;
  }

  #leaveFeed(): void {
    this.#unfollow?.();
    this.#unfollow = undefined;
    clearInterval(this.#timer);
    this.#wake.release();
    this.#quiet();
  }

  // --- Before ---------------------------------------------------------------------

  async #meet(): Promise<void> {
    try {
      const [straps, estimates] = await Promise.all([api.straps(), api.estimates()]);
      this.straps = straps;
      this.last = estimates[0] ?? null;
      const { preferred } = straps;
      const known = straps.straps.find((strap) => strap.id === preferred);
      const usual = straps.straps.find((strap) => strap.simulated) ?? straps.straps[0];
      this.strap = known?.id ?? usual?.id ?? null;
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  async #begin(): Promise<void> {
    if (!this.strap || this.busy) return;
    this.busy = true;
    chosenForm = this.form;
    try {
      const session = await api.start(this.strap);
      go("assess", session.id);
    } catch (problem) {
      this.tell("problem", problem);
    }
    this.busy = false;
  }

  // --- The way ----------------------------------------------------------------------

  /** What the session knows, and what this page has marked and not yet heard of. */
  #walk(feed: Feed, plan: AssessPlan): AssessWalk {
    const heard = feed.entries
      .filter((entry) => entry.type === PHASE)
      .map((entry) => ({ text: entry.text ?? "", atMs: entry.at_ms ?? entry.t_ms }));
    const waiting = this.#marks.filter((mark) => !heard.some((h) => h.text === mark.text && h.atMs === mark.atMs));
    return assessWalk(plan.parts, [...heard, ...waiting], this.#again);
  }

  #tick(): void {
    const { feed } = this;
    const nowMs = feed?.nowMs() ?? null;
    this.nowMs = nowMs;
    // What is held of the session comes first; only then is a first mark truly missing.
    if (!feed || nowMs === null || !feed.link || !feed.caughtUp || this.#over) return;
    if (!this.plan) return void this.#ask(feed);
    if (feed.over) return this.#leave();
    const now = this.#walk(feed, this.plan);
    if (now.state === "before") {
      logMark(feed, "practice", this.plan.form === "sliding" ? SLIDING : STEPPED, nowMs);
      return this.#to(this.plan.parts[0] ?? null, nowMs);
    }
    if (now.state === "done") {
      this.#quiet();
      if (!this.found) void this.#read(feed);
      return;
    }
    if (nowMs >= now.dueMs) return this.#to(now.next, nowMs - now.dueMs > LATE_MS ? nowMs : now.dueMs);
    this.#slide(feed, now.part, now.beginMs, nowMs);
    if (now.part.kind === "rest") this.#quiet();
    else if (!this.#cues) {
      this.#cues = new Cues(feed, feed);
      this.#cues.start();
    }
  }

  async #ask(feed: Feed): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const named = feed.entries.find((e) => e.type === "practice" && (e.text ?? "").startsWith(STEPPED));
    if (named) chosenForm = named.text === SLIDING ? "sliding" : "stepped";
    try {
      this.plan = await api.assessPlan(chosenForm, lengths());
      this.#tick();
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  /** Begins a part; null ends the assessment. */
  #to(part: AssessPart | null, atMs: number): void {
    const { feed } = this;
    if (!feed) return;
    const exactMs = Math.round(atMs * 1000) / 1000;
    const text = part?.text ?? DONE;
    this.#marks.push({ text, atMs: exactMs });
    this.#pace = 0;
    const first = part?.paces[0];
    if (first) {
      this.#take(feed, first.rate_bpm, exactMs, true);
      this.#pace = 1;
    }
    logMark(feed, PHASE, text, exactMs);
    this.#tick();
    this.requestUpdate();
  }

  /** The sliding form: each breath a little longer, each asked for just before it. */
  #slide(feed: Feed, part: AssessPart, beginMs: number, nowMs: number): void {
    for (let next = part.paces[this.#pace]; next; next = part.paces[this.#pace]) {
      const atMs = beginMs + 1000 * next.at_s;
      if (atMs > nowMs + AHEAD_MS) return;
      this.#pace += 1;
      // After a reload: what has begun is in the schedule already.
      if (atMs >= nowMs) this.#take(feed, next.rate_bpm, atMs);
    }
  }

  #take(feed: Feed, rateBpm: number, originMs: number, anew = false): void {
    const command = {
      rate_bpm: rateBpm,
      inhale_pct: INHALE_PCT,
      hold_in_ms: 0,
      hold_out_ms: 0,
      ease_s: null,
      from_rate_bpm: rateBpm,
      origin_ms: originMs,
    };
    takePace(feed, command, feed.nowMs() ?? originMs, anew);
  }

  #quiet(): void {
    this.#cues?.stop();
    this.#cues = null;
  }

  async #read(feed: Feed): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      await outbox.flushed(SAVING_MS); // the last mark is what it is read up to
      this.found = await api.assessment(feed.session.id);
    } catch (problem) {
      this.tell("problem", problem);
      this.#leave();
    }
    this.busy = false;
  }

  #end(): void {
    if (this.nowMs !== null) this.#to(null, this.nowMs);
  }

  #repeat(rateBpm: number): void {
    const { plan, nowMs } = this;
    const text = plan?.parts.find((part) => part.paces[0]?.rate_bpm === rateBpm)?.text;
    const rest = plan?.parts.find((part) => part.kind === "rest");
    if (!text || !rest || nowMs === null) return;
    this.#again = text;
    this.found = null;
    this.#to(rest, nowMs);
  }

  #finish(rateBpm: number | null = null): void {
    if (rateBpm !== null) preferences.set("rateBpm", rateBpm);
    this.#leave();
  }

  /** Back to the plan this is a step of, or to the end. */
  #leave(): void {
    if (this.#over || !this.feed) return;
    this.#over = true;
    this.#quiet();
    const { id, plan } = this.feed.session;
    if (plan !== "practice" && !this.feed.over) return go("plan", id);
    void sendStop(id);
    go("home");
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

  // --- What is shown ------------------------------------------------------------------

  protected override render(): TemplateResult {
    const { feed, plan, nowMs } = this;
    if (!feed) {
      return assessIntro({
        straps: this.straps?.straps ?? [],
        strap: this.strap,
        form: this.form,
        last: this.last,
        busy: this.busy,
        wear: (id) => (this.strap = id),
        choose: (form) => (this.form = form),
        begin: () => void this.#begin(),
      });
    }
    const now = plan && nowMs !== null ? this.#walk(feed, plan) : null;
    if (this.found) return this.#result(this.found);
    if (!plan || nowMs === null || now?.state !== "under_way") {
      return html`<section class="screen narrow centred">
        <h1 tabindex="-1" data-part="wait">${now?.state === "done" ? later.assess.reading : copy.wait}</h1>
      </section>`;
    }
    const { part, next, dueMs, again } = now;
    const steps = plan.parts.filter((one) => one.kind === "step");
    const at = steps.findIndex((one) => one.text === (part.kind === "rest" ? next : part)?.text);
    const place = again ? later.assess.again : at >= 0 ? later.assess.of(at + 1, steps.length) : "";
    return html`<section class="screen assess plan" data-testid="assess" data-part=${part.text}>
      <p class="position">${place}</p>
      ${part.kind === "rest" ? this.#rest(next, dueMs - nowMs) : this.#paced(part, feed)}
      <p class="time-left" data-testid="time-left">${timeLeft(dueMs - nowMs)}</p>
      <p class="link-line" data-testid="link-state" data-state=${feed.link?.state ?? "none"}>
        ${linkSentence(feed.link)}
      </p>
      <bf-radio-again session=${feed.session.id}></bf-radio-again>
      <div class="quiet-actions">
        <button class="link" type="button" data-testid="assess-stop" @click=${() => this.#end()}>
          ${later.assess.stop}
        </button>
      </div>
      ${part.kind === "rest"
        ? nothing
        : html`<bf-stop-strip @stop-now=${() => this.#stopNow()}></bf-stop-strip>`}
    </section>`;
  }

  #rest(next: AssessPart | null, leftMs: number): TemplateResult {
    const c = later.assess;
    const rate = next?.paces[0]?.rate_bpm;
    const coming = next?.kind === "slide" ? c.nextSlide : rate === undefined ? "" : c.next(paceWords(rate));
    return html`<div class="plan-still">
      <h1 tabindex="-1" data-part="rest">${c.rest}</h1>
      <p class="lead">${c.restLead}</p>
      <p>${coming}</p>
      <p class="assess-soon" role="status">${leftMs <= SOON_MS && next ? c.soon : ""}</p>
    </div>`;
  }

  #paced(part: AssessPart, feed: Feed): TemplateResult {
    const rate = part.paces[0]?.rate_bpm ?? USUAL_BPM;
    return html`<h1 class="sr-only" tabindex="-1" data-part=${part.text}>${later.assess.follow}</h1>
      <div class="pacer-place"><bf-pacer .feed=${feed}></bf-pacer></div>
      ${part.kind === "step" ? html`<p class="assess-pace">${paceWords(rate)}</p>` : nothing}`;
  }

  #result(found: Assessment): TemplateResult {
    const c = later.assess;
    const rate = found.estimate && found.estimate.probability >= LIKELY ? found.estimate.rate_bpm : null;
    const other = rate !== null && rate !== USUAL_BPM;
    return html`<section class="screen assess" data-testid="assess-result">
      <h1 tabindex="-1" data-part="result">${c.resultTitle}</h1>
      <bf-assess-result
        .found=${found}
        @repeat-step=${(event: CustomEvent<number>) => this.#repeat(event.detail)}
      ></bf-assess-result>
      <div class="bar ${other ? "pair" : ""}">
        <button
          class="button big ${other ? "" : "primary"}"
          type="button"
          data-testid="assess-keep"
          @click=${() => this.#finish(USUAL_BPM)}
        >
          ${c.keep}
        </button>
        ${other && rate !== null
          ? html`<button
              class="button primary big"
              type="button"
              data-testid="assess-use"
              @click=${() => this.#finish(rate)}
            >
              ${c.use(paceWords(rate))}
            </button>`
          : nothing}
      </div>
      <div class="quiet-actions">
        <button class="link" type="button" data-testid="assess-finish" @click=${() => this.#finish()}>
          ${c.finish}
        </button>
      </div>
    </section>`;
  }
}
customElements.define("bf-assess", AssessScreen);

/** Lengths in the address are for researchers; the service holds their limits. */
function lengths(): string {
  const asked = new URLSearchParams(location.search);
  return ["steps_s", "rests_s"]
    .map((name) => [name, asked.get(name)] as const)
    .filter((pair): pair is readonly [string, string] => pair[1] !== null)
    .map(([name, value]) => `&${name}=${encodeURIComponent(value)}`)
    .join("");
}
