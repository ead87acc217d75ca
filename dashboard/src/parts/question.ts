/**
 * One question with large buttons, words at both ends and no value to begin with.
 * Native radio buttons: arrow keys, screen readers and high contrast come with them.
 */

import { html, nothing, svg, type TemplateResult } from "lit";
import { ifDefined } from "lit/directives/if-defined.js";
import { isVeryHigh } from "../asked.ts";
import { copy, type Question } from "../copy.ts";
import { Part } from "../part.ts";
import "./doors.ts";
import type { Moment, Rating } from "../protocol.ts";

/** Two digits typed within this time are one number: 1 then 0 is 10. */
const TWO_DIGITS_MS = 1500;
/** A page left open for days still gives a number the service takes. */
const LONGEST_MS = 24 * 3_600_000;

let lastInput = "unknown";
for (const name of ["touch", "mouse", "pen"] as const) {
  window.addEventListener("pointerdown", (e) => {
    if (e.pointerType === name) lastInput = name;
  }, { capture: true, passive: true });
}
window.addEventListener("keydown", () => (lastInput = "keyboard"), { capture: true, passive: true });

/** On what, and with what, an answer was given. */
export function deviceWords(): string {
  return `browser, ${lastInput}, ${innerWidth}x${innerHeight}`;
}

export class QuestionPart extends Part {
  static override properties = {
    question: { attribute: false },
    compact: { type: Boolean },
    position: { attribute: false },
    value: { state: true },
  };
  declare question: Question;
  declare compact: boolean;
  declare position: string;
  declare value: number | null;
  #shownMs = performance.now();
  #latencyMs = 0;
  #typed = { digit: "", atMs: 0 };

  constructor() {
    super();
    this.compact = false;
    this.position = "";
    this.value = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#shownMs = performance.now();
  }

  /** The rating as given, or null while there is none. */
  rating(moment: Moment): Rating | null {
    if (this.value === null) return null;
    return {
      type: this.question.type,
      value: this.value,
      moment,
      prompt: this.question.prompt,
      latency_ms: Math.min(Math.round(this.#latencyMs), LONGEST_MS),
      device: deviceWords(),
    };
  }

  /** Takes a digit typed anywhere on the question; true when it meant something. */
  type(key: string): boolean {
    if (!/^[0-9]$/.test(key)) return false;
    const { from, to } = this.question;
    const now = performance.now();
    const both = Number(this.#typed.digit + key);
    const joined = this.#typed.digit === "1" && now - this.#typed.atMs < TWO_DIGITS_MS && both <= to;
    const value = joined ? both : Number(key);
    if (value < from || value > to) return false;
    this.#typed = { digit: joined ? "" : key, atMs: now };
    this.#choose(value);
    this.querySelector<HTMLInputElement>(`input[value="${value}"]`)?.focus();
    return true;
  }

  #choose(value: number): void {
    this.value = value;
    this.#latencyMs = performance.now() - this.#shownMs;
    this.tell("answer", value);
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.type(event.key)) event.preventDefault();
  };

  protected override render(): TemplateResult {
    const q = this.question;
    const steps = Array.from({ length: q.to - q.from + 1 }, (_, i) => q.from + i);
    const name = `${q.type}-${this.compact ? "during" : "page"}`;
    const title = this.compact
      ? html`<h2 class="question-title">${q.prompt}</h2>`
      : html`<h1 class="question-title" tabindex="-1">${q.prompt}</h1>`;
    return html`
      <fieldset
        class="question ${this.compact ? "compact" : ""}"
        data-testid="question-${q.type}"
        @keydown=${this.#key}
      >
        <legend>
          ${this.position ? html`<span class="position">${this.position}</span>` : nothing}${title}
        </legend>
        <div class="scale scale-${steps.length}">
          ${steps.map((step) => this.#step(name, step))}
        </div>
        <p class="ends" aria-hidden="true"><span>${q.low}</span><span>${q.high}</span></p>
      </fieldset>
      <div class="high" role="status" data-testid="high">
        ${isVeryHigh(q.type, this.value) ? this.#high() : nothing}
      </div>
    `;
  }

  /** Never forced: below the answer, which stays as it is. */
  #high(): TemplateResult {
    return this.compact
      ? html`<p class="quiet">${copy.ask.highPain}</p>`
      : html`<bf-doors></bf-doors>`;
  }

  #step(name: string, step: number): TemplateResult {
    const { type, from, to, low, high, words } = this.question;
    const end = step === from ? low : step === to ? high : "";
    const word = end || (words?.[step] ?? "");
    return html`<label class="step ${end ? "end" : ""}">
      <input
        type="radio"
        name=${name}
        .value=${String(step)}
        value=${step}
        aria-label=${ifDefined(word ? `${step}, ${word}` : undefined)}
        .checked=${this.value === step}
        @change=${() => this.#choose(step)}
      />
      ${type === "arousal" ? stirred(step) : nothing}
      <span class="number">${step}</span>
      ${word ? html`<span class=${end ? "end-word" : "mid-word"}>${word}</span>` : nothing}
    </label>`;
  }
}
/** Our own drawing of felt arousal: nine bars that grow, as many filled as the step. */
function stirred(step: number): TemplateResult {
  const bars = Array.from({ length: 9 }, (_, i) => {
    const height = 3 + 2 * i;
    return svg`<rect class=${i < step ? "on" : "off"} x=${i * 5} y=${20 - height} width="3.5" height=${height} rx="1" />`;
  });
  return html`<svg class="stirred" viewBox="0 0 44 20" aria-hidden="true">${bars}</svg>`;
}

customElements.define("bf-question", QuestionPart);
