/** One recording, looked at closely: everything on one axis, labels, numbers, exports. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { api } from "../api.ts";
import { copy } from "../copy.ts";
import { labelWords, words } from "../copy-research.ts";
import { Part } from "../part.ts";
import "../parts/beat-panel.ts";
import "../parts/exports.ts";
import "../parts/timeline.ts";
import type { TimelinePart } from "../parts/timeline.ts";
import { type Numbers, research, type Series } from "../research.ts";
import { go } from "../router.ts";
import { instantWords, lengthWords, startedWords } from "../shelf-words.ts";
import { speeds } from "../speeds.ts";

export class ReviewScreen extends Part {
  static override properties = {
    recording: {},
    series: { state: true },
    chosen: { state: true },
    said: { state: true },
    speed: { state: true },
    busy: { state: true },
  };
  declare recording: string;
  declare series: Series | null;
  declare chosen: number | null;
  declare said: string;
  declare speed: number;
  declare busy: boolean;
  #gone = false;

  constructor() {
    super();
    this.recording = "";
    this.series = null;
    this.chosen = null;
    this.said = "";
    this.speed = 1;
    this.busy = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#gone = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#gone = true;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("recording")) return;
    this.series = null;
    this.chosen = null;
    void this.#load();
  }

  async #load(): Promise<void> {
    const id = this.recording;
    try {
      const series = await research.series(id);
      if (!this.#gone && id === this.recording) this.series = series;
    } catch (problem) {
      if (!this.#gone) this.tell("problem", problem);
    }
  }

  async #kept(event: CustomEvent<{ index: number; label: keyof typeof labelWords }>): Promise<void> {
    const { index, label } = event.detail;
    await this.#load();
    this.said = words.beat.kept(index, labelWords[label]);
  }

  #choose(row: number): void {
    const t = this.series?.beats.t_ms[row];
    if (t === undefined) return;
    this.chosen = row;
    this.querySelector<TimelinePart>("bf-timeline")?.bring(t / 1000);
  }

  async #replay(): Promise<void> {
    this.busy = true;
    try {
      go("replay", (await api.replay(this.recording, this.speed)).id);
    } catch (problem) {
      this.tell("problem", problem);
    }
    this.busy = false;
  }

  protected override render(): TemplateResult {
    const w = words.review;
    const { series } = this;
    const title = series ? startedWords(new Date(series.started_at_utc_ms).toISOString()) : copy.wait;
    return html`<section class="screen research" data-testid="review" data-ready=${series !== null}>
      <a class="link back" href="#recordings">${w.back}</a>
      <h1 tabindex="-1">${title}</h1>
      ${series ? this.#all(series) : html`<p class="quiet">${w.loading}</p>`}
    </section>`;
  }

  #all(series: Series): TemplateResult {
    const w = words.review;
    const cautions = [
      series.simulated ? w.simulated : "",
      series.source === "imported" ? w.imported : "",
      series.complete ? "" : w.unfinished,
      series.beats.index.length === 0 ? w.nothing : "",
      series.layer.trouble ?? "",
    ].filter(Boolean);
    return html`
      <p class="lead">
        ${series.person}, ${series.strap_name}, ${lengthWords(series.duration_ms / 1000)},
        ${words.beat.count(series.beats.index.length)}
      </p>
      ${cautions.map((said) => html`<p class="plain-note" data-testid="caution">${said}</p>`)}
      ${this.#numbers(series)}
      <bf-timeline
        .series=${series}
        .chosen=${this.chosen}
        @beat=${(event: CustomEvent<number>) => {
          this.chosen = event.detail;
          this.querySelector("bf-beat-panel")?.dispatchEvent(new CustomEvent("relabel"));
        }}
      ></bf-timeline>
      <p class="quiet">
        ${w.asRecorded} ${series.metrics.step > 1 ? w.thinned(series.metrics.step) : nothing}
      </p>
      <p role="status" class="said" data-testid="kept">${this.said}</p>
      <bf-beat-panel
        .series=${series}
        .chosen=${this.chosen}
        @choose=${(event: CustomEvent<number>) => this.#choose(event.detail)}
        @kept=${(event: CustomEvent) => this.#kept(event)}
      ></bf-beat-panel>
      ${this.#entries(series)} ${this.#replayForm()}
      <bf-exports recording=${this.recording} ?layer=${series.layer.changes.length > 0}></bf-exports>
      ${this.#details(series)}
    `;
  }

  #numbers({ numbers }: Series): TemplateResult {
    const n = words.numbers;
    const { recorded, relabelled } = numbers;
    const rows: readonly (readonly [string, (of: Numbers) => string])[] = [
      [n.hr, (of) => amount(of.hr_bpm, 1, "/min")],
      [n.rmssd, (of) => amount(of.rmssd_ms, 1, "ms")],
      [n.sdnn, (of) => amount(of.sdnn_ms, 1, "ms")],
      [n.pnn50, (of) => amount(of.pnn50_pct, 1, "%")],
      [n.nn, (of) => String(of.n_nn)],
      [n.artefacts, (of) => amount(of.artefact_pct, 1, "%")],
      [n.coverage, (of) => amount(100 * of.coverage, 1, "%")],
    ];
    return html`<section aria-labelledby="numbers-title">
      <h2 id="numbers-title">${n.title}</h2>
      <div class="table-place">
        <table class="table facts" data-testid="numbers">
          <thead>
            <tr>
              <td></td>
              <th scope="col" class="number">${n.recorded}</th>
              ${relabelled ? html`<th scope="col" class="number">${n.relabelled}</th>` : nothing}
            </tr>
          </thead>
          <tbody>
            ${rows.map(
              ([name, of]) => html`<tr>
                <th scope="row">${name}</th>
                <td class="number">${of(recorded)}</td>
                ${relabelled ? html`<td class="number">${of(relabelled)}</td>` : nothing}
              </tr>`,
            )}
          </tbody>
        </table>
      </div>
      <p class="quiet">${n.note}</p>
    </section>`;
  }

  #entries(series: Series): TemplateResult | typeof nothing {
    const e = words.entries;
    if (series.entries.length === 0) return nothing;
    return html`<details class="more-details">
      <summary>${e.title} (${series.entries.length})</summary>
      <div class="table-place">
        <table class="table">
          <thead>
            <tr>
              <th scope="col" class="number">${e.time}</th>
              <th scope="col">${e.what}</th>
              <th scope="col" class="number">${e.value}</th>
              <th scope="col">${e.by}</th>
              <th scope="col">${e.text}</th>
            </tr>
          </thead>
          <tbody>
            ${series.entries.map(
              (entry) => html`<tr>
                <td class="number">${instantWords(entry.t_ms / 1000, 0.1)}</td>
                <td>${words.ratings[entry.type] ?? entry.type}${entry.moment ? ` (${entry.moment})` : ""}</td>
                <td class="number">${entry.value ?? ""}</td>
                <td>${entry.by}</td>
                <td>${entry.text ?? ""}</td>
              </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </details>`;
  }

  #replayForm(): TemplateResult {
    const w = words.review;
    return html`<form
      class="replay-form"
      @submit=${(event: Event) => {
        event.preventDefault();
        void this.#replay();
      }}
    >
      <label class="field inline">
        <span>${w.replayHere}</span>
        <select
          data-testid="replay-speed"
          @change=${(event: Event) => (this.speed = Number((event.target as HTMLSelectElement).value))}
        >
          ${speeds.map((speed) => html`<option value=${speed} ?selected=${speed === this.speed}>${speed}×</option>`)}
        </select>
      </label>
      <button class="button" type="submit" data-testid="replay" ?disabled=${this.busy}>${w.replay}</button>
    </form>`;
  }

  #details(series: Series): TemplateResult {
    const w = words.review;
    const facts = [
      [w.id, series.id],
      [w.software, series.software],
      [w.algorithm, series.algorithm ?? words.list.unknown],
      [w.strap, series.strap_name],
      [w.sha256, series.sha256],
    ];
    return html`<details class="more-details">
      <summary>${w.details}</summary>
      <dl class="facts-list">
        ${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}
      </dl>
    </details>`;
  }
}
customElements.define("bf-review", ReviewScreen);

function amount(value: number | null, digits: number, unit: string): string {
  return value === null ? words.numbers.unknown : `${value.toFixed(digits)} ${unit}`;
}
