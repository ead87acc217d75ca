/**
 * Eight weeks that suggest and never scold: the person chooses the week, in any order.
 * Nothing is ticked off, and nothing is kept but where they last looked.
 */

import { html, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { Part } from "../part.ts";
import { isPractice, type PracticeId } from "../parts/practice-choice.ts";
import { preferences } from "../preferences.ts";
import { go } from "../router.ts";

/** A practice for some minutes ("" is breathing alone, "last" what was done last), or a page. */
type Idea = readonly ["" | PracticeId | "last", number] | "pause" | "history";

/** In the order of `copy.path.weeks`, and of the ideas there. */
const weeks: readonly (readonly Idea[])[] = [
  [["mindful_breathing", 3], ["mindful_breathing", 10], ["", 3]],
  [["body_scan", 3], ["body_scan", 20]],
  [["zoom", 3], ["zoom", 10], ["mindful_breathing", 3]],
  [["reappraisal", 3], ["reappraisal", 10], ["mindful_breathing", 3]],
  [["savoring", 3], ["savoring", 10]],
  [["movement", 10], ["compassion", 3], ["compassion", 10]],
  ["pause", ["zoom", 3], ["mindful_breathing", 3]],
  [["last", 10], ["compassion", 10], "history"],
];

export class PathScreen extends Part {
  static override properties = { week: { state: true } };
  declare week: number;

  constructor() {
    super();
    this.week = preferences.get("pathWeek");
  }

  #look(week: number): void {
    this.week = week;
    preferences.set("pathWeek", week);
  }

  #begin(practice: string, minutes: number): void {
    preferences.set("practice", practice);
    preferences.set("minutes", minutes);
    go("home");
  }

  protected override render(): TemplateResult {
    const c = copy.path;
    return html`<section class="screen path">
      <h1 tabindex="-1">${c.title}</h1>
      <p class="lead">${c.lead}</p>
      <div class="path-parts">
        <fieldset class="path-weeks">
          <legend><h2>${c.which}</h2></legend>
          <div class="path-list">
            ${c.weeks.map(({ name }, i) => this.#choice(i + 1, name))}
          </div>
        </fieldset>
        ${this.#week()}
      </div>
      <p class="quiet">${c.anyTime}</p>
      <a class="link" href="#home" data-testid="home">${copy.home}</a>
    </section>`;
  }

  #choice(week: number, name: string): TemplateResult {
    return html`<label class="card" data-testid="week-${week}">
      <input
        type="radio"
        name="week"
        value=${week}
        .checked=${this.week === week}
        @change=${() => this.#look(week)}
      />
      <span class="card-words">
        <span class="quiet">${copy.path.week(week)}</span><span class="card-name">${name}</span>
      </span>
    </label>`;
  }

  #week(): TemplateResult {
    const c = copy.path;
    const words = c.weeks[this.week - 1];
    return html`<section class="path-week" aria-live="polite" data-testid="path-week">
      <h2>${words?.title}</h2>
      ${words?.lines.map((line) => html`<p>${line}</p>`)}
      <h3>${c.ideas}</h3>
      <div class="lines">
        ${weeks[this.week - 1]?.map((idea, i) => this.#idea(idea, words?.ideas[i] ?? ""))}
      </div>
    </section>`;
  }

  #idea(idea: Idea, why: string): TemplateResult {
    const c = copy.path;
    if (typeof idea === "string") {
      return html`<a class="line" href=${`#${idea}`} data-testid="idea">
        ${idea === "pause" ? c.pause : c.seeHistory}<span class="where">${why}</span>
      </a>`;
    }
    const [practice, minutes] = idea[0] === "last" ? [preferences.get("practice"), idea[1]] : idea;
    const title = isPractice(practice) ? copy.scripts[practice].title : copy.start.alone;
    return html`<a
      class="line"
      href="#home"
      data-testid="idea"
      @click=${(event: Event) => {
        event.preventDefault();
        this.#begin(practice, minutes);
      }}
    >
      ${title}<span class="where">${c.about(minutes)}. ${why}</span>
    </a>`;
  }
}
customElements.define("bf-path", PathScreen);
