/**
 * Once a week: three questions on pain in daily life (PEG), sleep, mood, and what was
 * taken. Each can be skipped, each is kept the moment it is given, and what was answered
 * in another week is never shown. Nothing here says what should be taken.
 */

import { html, type PropertyValues, type TemplateResult } from "lit";
import { copy, type Question } from "../copy.ts";
import { diaryBox, type DiaryNote, noteInDiary } from "../diary-box.ts";
import { follow, Part } from "../part.ts";
import { notDurable } from "../parts/not-durable.ts";
import "../parts/asking.ts";
import { deviceWords } from "../parts/question.ts";
import type { Rating } from "../protocol.ts";
import { go } from "../router.ts";
import { newUlid } from "../ulid.ts";

/** As many as the service takes. */
const LONGEST_TEXT = 2000;
/** Until it is kept or skipped, a text outlives a reload of this tab. */
const DRAFT = "biofeedback.week-draft";

type Step = "questions" | "medicine" | "end";

export class WeekScreen extends Part {
  static override properties = { step: { state: true }, durable: { state: true }, text: { state: true } };
  declare step: Step;
  declare durable: boolean;
  declare text: string;
  readonly #group = newUlid();
  #noted = false;
  #shownMs = performance.now();
  #unfollow: (() => void) | undefined;

  constructor() {
    super();
    this.text = draft();
    this.step = this.text === "" ? "questions" : "medicine";
    this.durable = true;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unfollow = follow(diaryBox, () => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unfollow?.();
  }

  protected override updated(changed: PropertyValues): void {
    if (!changed.has("step") || changed.get("step") === undefined) return;
    this.#shownMs = performance.now();
    requestAnimationFrame(() => {
      this.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    });
  }

  #note(note: Omit<DiaryNote, "group_id" | "device">): void {
    const kept = noteInDiary([{ group_id: this.#group, device: deviceWords(), ...note }]);
    this.durable &&= kept;
    this.#noted = true;
  }

  #rated(rating: Rating): void {
    this.#note({ ...rating, occasion: "week", unit: "nrs_0_10", moment: null });
  }

  #write(text: string): void {
    this.text = text;
    keepDraft(text);
  }

  #keep(event: Event): void {
    event.preventDefault();
    const text = this.text.trim();
    if (text === "") return;
    this.#note({
      occasion: "medicine",
      type: "medicine",
      text,
      prompt: copy.week.medicine,
      latency_ms: Math.round(performance.now() - this.#shownMs),
    });
    this.#end();
  }

  #end(): void {
    keepDraft("");
    this.step = "end";
  }

  protected override render(): TemplateResult {
    if (this.step === "questions") return this.#questions();
    return this.step === "medicine" ? this.#medicine() : this.#over();
  }

  #questions(): TemplateResult {
    const c = copy.week;
    // They are asked as every question is; only what they are called is of the week.
    const questions = c.questions as readonly { readonly type: string }[] as readonly Question[];
    return html`<section class="screen ask" data-testid="week-questions">
      <bf-asking
        .questions=${questions}
        .position=${c.position}
        .lead=${c.lead}
        .skipAll=${c.skipAll}
        .leave=${copy.ask.leave}
        @rated=${(event: CustomEvent<Rating>) => this.#rated(event.detail)}
        @all-asked=${() => (this.step = "medicine")}
        @leave=${() => go("home")}
      ></bf-asking>
      ${notDurable(this.durable)}
    </section>`;
  }

  #medicine(): TemplateResult {
    const c = copy.week;
    return html`<section class="screen narrow week" data-testid="week-medicine">
      <h1 tabindex="-1">${c.medicine}</h1>
      <p class="lead">${c.medicineLead}</p>
      <form autocomplete="off" @submit=${this.#keep}>
        <label class="field">
          <span>${c.medicineLabel}</span>
          <textarea
            rows="5"
            maxlength=${LONGEST_TEXT}
            data-testid="medicine"
            .value=${this.text}
            @input=${(event: Event) => this.#write((event.target as HTMLTextAreaElement).value)}
          ></textarea>
        </label>
        <div class="bar pair">
          <button class="button big" type="button" data-testid="skip" @click=${() => this.#end()}>
            ${copy.ask.skip}
          </button>
          <button class="button primary big" type="submit" data-testid="keep" ?disabled=${this.text.trim() === ""}>
            ${c.keep}
          </button>
        </div>
      </form>
      ${notDurable(this.durable)}
    </section>`;
  }

  #over(): TemplateResult {
    const c = copy.week;
    return html`<section class="screen narrow week" data-testid="week-end">
      <h1 tabindex="-1">${this.#noted ? c.endTitle : c.endNothing}</h1>
      <p class="lead" role="status" data-testid="noted" data-pending=${diaryBox.pending}>
        ${!this.#noted ? c.fine : diaryBox.pending > 0 ? copy.diary.waits : c.endLead}
      </p>
      ${notDurable(this.durable)}
      <div class="stack">
        <button class="button primary big" type="button" data-testid="home" @click=${() => go("home")}>
          ${copy.home}
        </button>
        <button class="button big" type="button" data-testid="history" @click=${() => go("history")}>
          ${c.history}
        </button>
      </div>
    </section>`;
  }

}
customElements.define("bf-week", WeekScreen);

function draft(): string {
  try {
    return sessionStorage.getItem(DRAFT) ?? "";
  } catch {
    return ""; // switched off
  }
}

function keepDraft(text: string): void {
  try {
    if (text === "") sessionStorage.removeItem(DRAFT);
    else sessionStorage.setItem(DRAFT, text);
  } catch {
    // Switched off: the text lives as long as the page.
  }
}
