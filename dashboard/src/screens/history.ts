/** What I did, and how the gap moved. Nothing is counted up, compared or praised. */

import { html, nothing, type TemplateResult } from "lit";
import { api } from "../api.ts";
import { copy } from "../copy.ts";
import {
  clockWords,
  dayWords,
  gapSentence,
  known,
  painSentence,
  pegSentence,
  pullSentence,
  sittingWords,
} from "../history-words.ts";
import { Part } from "../part.ts";
import "../parts/week-chart.ts";
import type { Level, WeekLine } from "../parts/week-chart.ts";
import { practiceName } from "../practice-names.ts";
import type { History, HistoryDay, HistoryWeek, Mean } from "../protocol.ts";
import { gapReach } from "../week-lines.ts";
import { who } from "../who.ts";

const WEEKS = 8;
/** Days that are listed before somebody asks for more. */
const DAYS = 7;
const OF_TEN: readonly Level[] = [10, 5, 0].map((value) => ({ value, words: String(value) }));

export class HistoryScreen extends Part {
  static override properties = { told: { state: true }, all: { state: true } };
  declare told: History | null;
  declare all: boolean;

  constructor() {
    super();
    this.told = null;
    this.all = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  async #load(): Promise<void> {
    try {
      this.told = await api.history(WEEKS);
    } catch (problem) {
      if (this.isConnected) this.tell("problem", problem);
    }
  }

  /** The first day that was hidden takes the focus: the button is gone. */
  async #showAll(): Promise<void> {
    this.all = true;
    await this.updateComplete;
    this.querySelectorAll<HTMLElement>(".history-day h3")[DAYS]?.focus();
  }

  protected override render(): TemplateResult {
    const c = copy.history;
    const { told } = this;
    return html`<section class="screen history">
      <h1 tabindex="-1">${c.title}</h1>
      <p class="lead">${c.lead}</p>
      ${told ? this.#told(told) : html`<p class="quiet" role="status">${copy.wait}</p>`}
      <nav class="stack">
        <a class="button" href="#home">${copy.home}</a>
        ${who.me?.person
          ? html`<a class="link" href=${api.trendUrl(who.me.person.id)} target="_blank" rel="noopener" data-testid="trend">${copy.report.trend}</a>`
          : nothing}
        <a class="link" href="#data">${c.data}</a>
      </nav>
    </section>`;
  }

  #told(told: History): TemplateResult {
    const c = copy.history;
    return html`<div class="history-parts">
      <div class="history-pictures">${this.#gap(told)}${this.#more(told.weeks)}</div>
      <section aria-labelledby="days-title" class="history-days">
        <h2 id="days-title">${c.days}</h2>
        ${told.days.length === 0
          ? html`<p class="quiet" data-testid="nothing-yet">${c.empty}</p>`
          : (this.all ? told.days : told.days.slice(0, DAYS)).map((day) => this.#day(day))}
        ${!this.all && told.days.length > DAYS
          ? html`<button class="button" type="button" data-testid="all-days" @click=${() => this.#showAll()}>
              ${c.earlier}
            </button>`
          : nothing}
      </section>
    </div>`;
  }

  #gap(told: History): TemplateResult {
    const c = copy.history;
    const { weeks } = told;
    const before = weeks.map((week) => week.gap.before);
    const after = weeks.map((week) => week.gap.after);
    const sentence = gapSentence(told);
    if (![...before, ...after].some(known)) {
      return html`<section class="week-chart"><h2>${c.gap.title}</h2><p data-testid="sentence">${sentence}</p></section>`;
    }
    const reach = gapReach([...before, ...after]);
    return html`<bf-week-chart
        data-testid="chart-gap"
        heading=${c.gap.title}
        sentence=${sentence}
        .mondays=${mondays(weeks)}
        .lines=${[
          { name: c.before, means: before },
          { name: c.after, means: after },
        ]}
        .levels=${[
          { value: reach, words: c.gap.up },
          { value: 0, words: c.gap.zero, key: true },
          { value: -reach, words: c.gap.down },
        ]}
        .low=${-reach}
        .high=${reach}
      ></bf-week-chart>
      <p class="quiet">${c.gap.what}</p>
      <p class="quiet">${c.caveat}</p>`;
  }

  /** The other pictures, for whoever asks, and only those that show something. */
  #more(weeks: readonly HistoryWeek[]): TemplateResult | typeof nothing {
    const c = copy.history;
    const pair = (of: "intensity" | "unpleasantness"): readonly WeekLine[] => [
      { name: c.before, means: weeks.map((week) => week[of].before) },
      { name: c.after, means: weeks.map((week) => week[of].after) },
    ];
    const pictures = [
      this.#ofTen("unpleasantness", c.pain.unpleasant, painSentence(weeks, "unpleasantness"), weeks, pair("unpleasantness")),
      this.#ofTen("intensity", c.pain.strong, painSentence(weeks, "intensity"), weeks, pair("intensity")),
      this.#ofTen("pull", c.pull.title, pullSentence(weeks), weeks, [
        { name: c.pull.pull, means: weeks.map((week) => week.craving) },
        { name: c.pull.choice, means: weeks.map((week) => week.self_control) },
      ]),
      this.#ofTen("peg", c.week.title, pegSentence(weeks), weeks, [
        { name: c.week.line, means: weeks.map((week) => alone(week.peg)) },
      ]),
    ].filter((picture) => picture !== nothing);
    if (pictures.length === 0) return nothing;
    return html`<details class="plain-note more" data-testid="more-pictures">
      <summary><span class="more-word">${c.more}</span></summary>
      <div class="history-more">${pictures}</div>
    </details>`;
  }

  #ofTen(
    name: string,
    heading: string,
    sentence: string,
    weeks: readonly HistoryWeek[],
    lines: readonly WeekLine[],
  ): TemplateResult | typeof nothing {
    if (!sentence) return nothing;
    return html`<bf-week-chart
      data-testid="chart-${name}"
      heading=${heading}
      sentence=${sentence}
      .mondays=${mondays(weeks)}
      .lines=${lines}
      .levels=${OF_TEN}
    ></bf-week-chart>`;
  }

  #day(day: HistoryDay): TemplateResult {
    const c = copy.history;
    return html`<section class="history-day" data-testid="day" data-day=${day.day}>
      <h3 tabindex="-1">${dayWords(day.day)}</h3>
      <ul>
        ${day.sittings.map(
          (sitting) => html`<li>
            <a class="history-row" href="#done/${encodeURIComponent(sitting.session)}" data-testid="sitting">
              <span class="quiet">${clockWords(sitting.started_at)}</span>
              <span class="card-words">
                <span>${sittingWords(sitting, practiceName)}</span>
                ${sitting.symptom ? html`<span class="quiet">${c.dizzy}</span>` : nothing}
              </span>
              ${sitting.simulated ? html`<span class="chip">${c.simulated}</span>` : nothing}
            </a>
          </li>`,
        )}
        ${day.n_pauses > 0 || day.noted || day.assessed
          ? html`<li class="history-plain quiet">
              ${day.assessed ? c.assessed : nothing} ${day.n_pauses > 0 ? c.pauses(day.n_pauses) : nothing}
              ${day.noted ? c.noted : nothing}
            </li>`
          : nothing}
      </ul>
    </section>`;
  }
}
customElements.define("bf-history", HistoryScreen);

function mondays(weeks: readonly HistoryWeek[]): readonly string[] {
  return weeks.map((week) => week.monday);
}

function alone(mean: number | null): Mean {
  return { n: mean === null ? 0 : 1, mean, low: null, high: null };
}
