/**
 * What a therapist sends into a practice: a pace to try, or a few words. One card at a
 * time; it comes when a breath is out, asks for nothing, and goes by itself.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { namesOf } from "../company-names.ts";
import { later } from "../copy-later.ts";
import type { Feed } from "../feed.ts";
import { confirmByTouch } from "../haptics.ts";
import { follow, Part } from "../part.ts";
import { preferences, wanted } from "../preferences.ts";
import { SoftCue } from "../sound/soft-cue.ts";
import { canSpeak, say } from "../speech.ts";
import { betweenBreathsMs, goesMs, type Letter, letters, openProposal, type Proposal, shownLetters } from "../together.ts";
import { paceWords } from "../words.ts";

const TICK_MS = 100;
const SAID_MS = 8000;
/** So long the service has to say that it took the answer. */
const ANSWER_WITHIN_MS = 4000;

export class SuggestionPart extends Part {
  static override properties = {
    feed: { attribute: false },
    paced: { attribute: false },
    proposal: { state: true },
    letter: { state: true },
    said: { state: true },
  };
  declare feed: Feed;
  /** Whether there is a pace that could change. */
  declare paced: boolean;
  declare proposal: Proposal | null;
  declare letter: Letter | null;
  declare said: string;
  #unfollow: (() => void)[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #cue = new SoftCue();
  /** Cards by their id: when each may come, as soon as it was heard of. */
  readonly #dueMs = new Map<string, number>();
  /** What was closed here, or had its time. */
  readonly #over = new Set<string>();
  /** What the service was told to have been seen, by this connection. */
  readonly #seen = new Set<string>();
  #letterSinceMs = 0;
  #saidMs = -Infinity;
  #awaited: { readonly id: string; readonly sinceMs: number } | null = null;

  constructor() {
    super();
    this.paced = false;
    this.proposal = null;
    this.letter = null;
    this.said = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
    for (const end of this.#unfollow.splice(0)) end();
    this.#cue.stop();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("feed")) return;
    for (const end of this.#unfollow.splice(0)) end();
    this.#unfollow = [
      follow(this.feed, () => this.#tick()),
      follow(namesOf(this.feed.session.id), () => this.requestUpdate()),
    ];
  }

  #tick(): void {
    const { feed } = this;
    if (!feed.connected) this.#seen.clear();
    if (performance.now() - this.#saidMs > SAID_MS) this.said = "";
    const nowMs = feed.nowMs();
    if (nowMs === null || !feed.caughtUp) return;
    this.#listen(nowMs);
    const proposal = this.#nextProposal(nowMs);
    if (proposal?.id !== this.proposal?.id) {
      this.proposal = proposal;
      this.#letterSinceMs = nowMs; // what was covered can be read in peace
      if (proposal) this.#announce(this.#suggests(proposal));
    }
    if (!this.proposal) this.#turnLetter(nowMs);
    this.#tellSeen();
  }

  /** An answer that the service did not take is said to be so. */
  #listen(nowMs: number): void {
    const awaited = this.#awaited;
    if (!awaited) return;
    if (this.feed.entries.some((entry) => entry.type.startsWith("pacer_") && entry.text === awaited.id)) this.#awaited = null;
    else if (nowMs - awaited.sinceMs > ANSWER_WITHIN_MS) {
      this.#awaited = null;
      this.#over.delete(awaited.id);
      this.#note(later.company.notSent);
    }
  }

  #isDue({ id, sinceMs }: Proposal | Letter, nowMs: number): boolean {
    const due = this.#dueMs.get(id) ?? betweenBreathsMs(this.feed.schedule, Math.max(sinceMs, nowMs));
    this.#dueMs.set(id, due);
    return nowMs >= due;
  }

  #nextProposal(nowMs: number): Proposal | null {
    const open = this.paced ? openProposal(this.feed.entries, nowMs) : null;
    return open && !this.#over.has(open.id) && this.#isDue(open, nowMs) ? open : null;
  }

  #turnLetter(nowMs: number): void {
    const { letter } = this;
    if (letter && nowMs >= goesMs(letter.text, this.#letterSinceMs, this.feed.schedule)) this.#closeLetter();
    if (this.letter) return;
    const shown = shownLetters(this.feed.entries);
    const next = letters(this.feed.entries).find(({ id }) => !this.#over.has(id) && !shown.has(id));
    if (!next || !this.#isDue(next, nowMs)) return;
    this.letter = next;
    this.#letterSinceMs = nowMs;
    this.#announce(`${later.company.from(this.#name(next))}: ${next.text}`);
  }

  #tellSeen(): void {
    const id = this.letter?.id;
    if (!id || this.#seen.has(id) || document.visibilityState !== "visible") return;
    if (shownLetters(this.feed.entries).has(id)) this.#seen.add(id);
    else if (this.feed.command({ kind: "seen", message: id })) this.#seen.add(id);
  }

  /** For somebody who does not look: said, where there is a voice, or else a soft sound. */
  #announce(words: string): void {
    const page = document.documentElement.dataset["eyes"];
    if (page !== "closed") return;
    const { tone, heart, vibrate } = wanted(preferences);
    if (canSpeak && preferences.get("voice") > 0) say(words);
    else this.#cue.play(Math.max(tone, heart));
    if (vibrate) confirmByTouch();
  }

  #note(words: string): void {
    this.said = words;
    this.#saidMs = performance.now();
  }

  #name({ by }: Proposal | Letter): string {
    return namesOf(this.feed.session.id).of(by);
  }

  #suggests(proposal: Proposal): string {
    return later.company.suggests(this.#name(proposal), paceWords(proposal.rateBpm));
  }

  #answer(proposal: Proposal, accept: boolean): void {
    const c = later.company;
    const kind = accept ? "pacer.accept" : "pacer.decline";
    if (!this.feed.command({ kind, proposal: proposal.id })) {
      this.#note(c.notSent);
      return;
    }
    this.#over.add(proposal.id);
    this.#awaited = { id: proposal.id, sinceMs: this.feed.nowMs() ?? 0 };
    this.proposal = null;
    this.#note(accept ? c.tried : c.kept);
    this.#letterSinceMs = this.feed.nowMs() ?? 0;
  }

  #closeLetter(): void {
    if (this.letter) this.#over.add(this.letter.id);
    this.letter = null;
  }

  protected override render(): TemplateResult {
    const { proposal, letter } = this;
    const words = proposal ? this.#suggests(proposal) : letter ? letter.text : "";
    return html`<p class="sr-only" role="status">${words}</p>
      ${proposal ? this.#pace(proposal) : letter ? this.#message(letter) : nothing}
      <p class="suggestion-said" role="status" data-testid="suggestion-said">${this.said}</p>`;
  }

  #pace(proposal: Proposal): TemplateResult {
    const c = later.company;
    return html`<section class="suggestion" aria-labelledby="suggestion-words" data-testid="proposal">
      <p id="suggestion-words" class="suggestion-words">${this.#suggests(proposal)}</p>
      <div class="suggestion-actions">
        <button class="button" type="button" data-testid="keep-mine" @click=${() => this.#answer(proposal, false)}>
          ${c.keep}
        </button>
        <button class="button" type="button" data-testid="try-it" @click=${() => this.#answer(proposal, true)}>
          ${c.try}
        </button>
      </div>
    </section>`;
  }

  #message(letter: Letter): TemplateResult {
    const c = later.company;
    return html`<section class="suggestion" aria-labelledby="suggestion-from" data-testid="message">
      <div class="suggestion-head">
        <p id="suggestion-from" class="quiet">${c.from(this.#name(letter))}</p>
        <button class="button slim" type="button" data-testid="close-message" @click=${() => this.#closeLetter()}>
          ${c.close}
        </button>
      </div>
      <p>${letter.text}</p>
    </section>`;
  }
}
customElements.define("bf-suggestion", SuggestionPart);
