/**
 * The words of a guided practice, one sentence at a time, read and spoken. Each phase is
 * marked in the session with the exact time at which it was to begin.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { type Feed, PHASE } from "../feed.ts";
import { Part } from "../part.ts";
import { practiceList } from "../practice-list.ts";
import { logMark, logOnce } from "../practice-log.ts";
import { type Moment, momentAt, nextChangeMs, timeline } from "../script.ts";
import { preferences } from "../preferences.ts";
import { say } from "../speech.ts";
import "./own-photo.ts";
import "./own-thought.ts";

/** How often it looks while nothing is due: the clock of the session may move. */
const LOOK_EVERY_MS = 250;
const ASK_AGAIN_MS = 2000;
const PRACTICE = "practice";

type Phases = Readonly<Record<string, readonly string[]>>;

/** The sentences of a practice by phase, where this page knows it. */
function phasesOf(practice: string): Phases | undefined {
  const known: Readonly<Record<string, { readonly phases: Phases } | undefined>> = copy.scripts;
  return known[practice]?.phases;
}

export class ScriptPart extends Part {
  static override properties = {
    feed: { attribute: false },
    practice: { state: true },
    phase: { state: true },
    sentence: { state: true },
  };
  declare feed: Feed;
  declare practice: string;
  declare phase: string;
  declare sentence: string;
  #moments: readonly Moment[] | null = null;
  #asked = "";
  #askedMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #marked = new Set<string>();
  /** Whether the pacer steps back now; the practice is told by the event `quiet`. */
  #quiet = false;

  constructor() {
    super();
    this.practice = "";
    this.phase = "";
    this.sentence = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#wait(0);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      let nextMs = LOOK_EVERY_MS;
      try {
        nextMs = this.#look();
      } finally {
        this.#wait(nextMs);
      }
    }, ms);
  }

  /**
   * Shows what is due, and tells in how many milliseconds to look again: then when the
   * next sentence is due, so that it comes within a frame of its time.
   */
  #look(): number {
    const { feed } = this;
    const begun = feed.phase;
    const nowMs = feed.nowMs();
    // What is held of the session comes first; only then is a mark truly missing.
    if (!begun || nowMs === null || !feed.caughtUp) return LOOK_EVERY_MS;
    const named = this.#named();
    if (named !== this.#asked) void this.#load(named, begun.minutes);
    if (!this.#moments) return LOOK_EVERY_MS;
    const atMs = nowMs - begun.startedMs;
    const now = momentAt(this.#moments, atMs);
    this.#mark(begun.startedMs, nowMs);
    this.phase = now?.moment.phase ?? "";
    const sentence = now ? (phasesOf(named)?.[now.moment.phase]?.[now.sentence] ?? "") : "";
    if (sentence && sentence !== this.sentence) say(sentence);
    this.sentence = sentence;
    this.#hush(now !== null && !now.moment.pacer);
    return Math.min(LOOK_EVERY_MS, (nextChangeMs(this.#moments, atMs) ?? Infinity) - atMs);
  }

  #hush(quiet: boolean): void {
    if (quiet === this.#quiet) return;
    this.#quiet = quiet;
    this.closest(".practice")?.toggleAttribute("data-quiet", quiet);
    this.tell("quiet", quiet);
  }

  /** It stands in the session, so that a reload finds it again; else it began just now. */
  #named(): string {
    const told = this.feed.entries.find((entry) => entry.type === PRACTICE)?.text;
    return told ?? (this.#asked || (this.feed.begun ? "" : preferences.get("practice")));
  }

  async #load(practice: string, minutes: number): Promise<void> {
    const localMs = performance.now();
    if (localMs - this.#askedMs < ASK_AGAIN_MS) return;
    this.#asked = practice;
    this.#askedMs = localMs;
    this.#moments = null;
    this.practice = phasesOf(practice) ? practice : "";
    if (!this.practice) return;
    try {
      const found = (await practiceList()).find((one) => one.id === practice);
      if (found && this.#asked === practice) this.#moments = timeline(found, minutes);
    } catch {
      this.#asked = ""; // out of reach: looked for again, the pacer goes on meanwhile
    }
  }

  /** Every phase that has begun is marked once, also one that passed while we slept. */
  #mark(startedMs: number, nowMs: number): void {
    for (const moment of this.#moments ?? []) {
      const text = `${this.practice}/${moment.phase}`;
      const atMs = startedMs + moment.startMs;
      if (atMs > nowMs || this.#marked.has(text)) continue;
      this.#marked.add(text);
      logOnce(this.feed, PHASE, text, atMs);
    }
  }

  #thought(event: CustomEvent<string>): void {
    const nowMs = this.feed.nowMs();
    if (nowMs !== null) logMark(this.feed, "thought", event.detail, nowMs);
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("practice")) this.dataset["practice"] = this.practice;
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!this.practice) return nothing;
    return html`<section class="script" aria-label=${copy.script.title}>
      <p class="script-sentence" data-testid="sentence" data-phase=${this.phase} aria-live="polite">
        ${this.sentence}
      </p>
      ${this.practice === "savoring" && this.phase && this.phase !== "arrive"
        ? html`<bf-own-photo></bf-own-photo>`
        : nothing}
      ${this.practice === "reappraisal" && ["kinder", "rest"].includes(this.phase)
        ? html`<bf-own-thought session=${this.feed.session.id} @thought=${this.#thought}></bf-own-thought>`
        : nothing}
    </section>`;
  }
}
customElements.define("bf-script", ScriptPart);
