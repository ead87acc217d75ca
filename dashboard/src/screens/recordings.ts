/** Every recording with its quality at a glance: filtered, sorted, opened. */

import { html, nothing, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { words } from "../copy-research.ts";
import { Part } from "../part.ts";
import { type RecordingRow, research } from "../research.ts";
import { columns, type ColumnName, type Filter, noFilter, shown, type Sorting } from "../shelf.ts";
import { lengthWords, startedWords } from "../shelf-words.ts";
import { who } from "../who.ts";

const AGAIN_MS = 1500;

export class RecordingsScreen extends Part {
  static override properties = {
    rows: { state: true },
    pending: { state: true },
    filter: { state: true },
    sorting: { state: true },
  };
  declare rows: readonly RecordingRow[] | null;
  declare pending: number;
  declare filter: Filter;
  declare sorting: Sorting;
  #again: ReturnType<typeof setTimeout> | undefined;
  #gone = false;

  constructor() {
    super();
    this.rows = null;
    this.pending = 0;
    this.filter = noFilter;
    this.sorting = { by: "started", up: false };
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#gone = false;
    void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#gone = true;
    clearTimeout(this.#again);
  }

  async #load(): Promise<void> {
    try {
      const list = await research.list();
      if (this.#gone) return;
      this.rows = list.recordings;
      this.pending = list.n_pending;
      if (list.n_pending > 0) this.#again = setTimeout(() => void this.#load(), AGAIN_MS);
    } catch (problem) {
      if (!this.#gone) this.tell("problem", problem);
    }
  }

  #set(change: Partial<Filter>): void {
    this.filter = { ...this.filter, ...change };
  }

  #sort(by: ColumnName): void {
    const { by: before, up } = this.sorting;
    this.sorting = { by, up: by === before ? !up : columns[by].text };
  }

  protected override render(): TemplateResult {
    const w = words.list;
    return html`<section class="screen research">
      <a class="link back" href="#home">${w.back}</a>
      <h1 tabindex="-1">${w.title}</h1>
      <p class="lead">${forResearcher() ? w.leadResearch : w.lead}</p>
      ${this.rows === null ? html`<p class="quiet">${copy.wait}</p>` : this.#list(this.rows)}
    </section>`;
  }

  #list(rows: readonly RecordingRow[]): TemplateResult {
    const w = words.list;
    const found = shown(rows, this.filter, this.sorting);
    const counted = rows.length === 0 ? (forResearcher() ? w.noneResearch : w.none) : found.length === 0 ? w.noneMatch : w.of(found.length, rows.length);
    return html`
      ${this.#filters()} ${forResearcher() ? html`<p class="quiet" data-testid="moved">${w.moved}</p>` : nothing}
      <p role="status" data-testid="count">
        ${counted} ${this.pending > 0 ? w.pending(this.pending) : nothing}
        ${found.length < rows.length
          ? html`<button class="link" type="button" @click=${() => (this.filter = noFilter)}>${w.clear}</button>`
          : nothing}
      </p>
      ${found.length > 0 ? this.#table(found) : nothing}
      <p class="quiet">${w.note}</p>
    `;
  }

  #filters(): TemplateResult {
    const w = words.list;
    const { text, suitable, heart, from, to } = this.filter;
    const typed = (event: Event): string => (event.target as HTMLInputElement).value;
    return html`<form class="filters" role="search" @submit=${(event: Event) => event.preventDefault()}>
      <label class="field wide">
        <span>${w.search}</span>
        <input
          type="search"
          placeholder=${w.searchHint}
          .value=${text}
          data-testid="filter-text"
          @input=${(event: Event) => this.#set({ text: typed(event) })}
        />
      </label>
      <label class="field">
        <span>${w.heart}</span>
        <select
          data-testid="filter-heart"
          .value=${heart}
          @change=${(event: Event) => this.#set({ heart: typed(event) as Filter["heart"] })}
        >
          <option value="all">${w.heartAll}</option>
          <option value="real">${w.heartReal}</option>
          <option value="simulated">${w.heartSimulated}</option>
        </select>
      </label>
      <label class="field">
        <span>${w.from}</span>
        <input type="date" .value=${from} data-testid="filter-from" @change=${(event: Event) => this.#set({ from: typed(event) })} />
      </label>
      <label class="field">
        <span>${w.to}</span>
        <input type="date" .value=${to} data-testid="filter-to" @change=${(event: Event) => this.#set({ to: typed(event) })} />
      </label>
      <label class="check">
        <input
          type="checkbox"
          .checked=${suitable}
          data-testid="filter-suitable"
          @change=${(event: Event) => this.#set({ suitable: (event.target as HTMLInputElement).checked })}
        />
        <span>${w.suitable}</span>
      </label>
      ${this.#sortOnPhone()}
    </form>`;
  }

  /** On a phone the table has no head: its rows are cards. */
  #sortOnPhone(): TemplateResult {
    const w = words.list;
    const { by, up } = this.sorting;
    return html`<div class="sort-phone">
      <label class="field">
        <span>${w.sortBy}</span>
        <select
          .value=${by}
          @change=${(event: Event) => {
            const wanted = (event.target as HTMLSelectElement).value as ColumnName;
            this.sorting = { by: wanted, up: columns[wanted].text };
          }}
        >
          ${names().map((name) => html`<option value=${name} ?selected=${name === by}>${columns[name].title}</option>`)}
        </select>
      </label>
      <button class="button slim" type="button" @click=${() => (this.sorting = { by, up: !up })}>
        ${up ? w.up : w.down}
      </button>
    </div>`;
  }

  #table(rows: readonly RecordingRow[]): TemplateResult {
    const { by, up } = this.sorting;
    return html`<div class="table-place">
      <table class="table shelf" data-testid="recordings">
        <thead>
          <tr>
            ${names().map(
              (name) => html`<th
                scope="col"
                class=${isNumber(name) ? "number" : ""}
                aria-sort=${name === by ? (up ? "ascending" : "descending") : "none"}
              >
                <button type="button" data-testid=${`sort-${name}`} @click=${() => this.#sort(name)}>
                  ${columns[name].title}<span class="arrow" aria-hidden="true"
                    >${name === by ? (up ? "▲" : "▼") : ""}</span
                  >
                </button>
              </th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => this.#row(row))}
        </tbody>
      </table>
    </div>`;
  }

  #row(row: RecordingRow): TemplateResult {
    const w = words.list;
    const when = startedWords(row.started_at);
    const said = [row.quality?.suitable === false ? row.quality.reason : null, row.trouble, row.loss];
    return html`<tr data-testid="recording" data-id=${row.id}>
      ${names().map((name) => {
        const column = columns[name];
        const cell = name === "length" && row.quality ? lengthWords(row.quality.duration_s) : column.words(row);
        if (name === "started") {
          return html`<th scope="row" data-label=${column.title}>
            ${row.state === "failed"
              ? when
              : html`<a href=${`#review/${encodeURIComponent(row.id)}`} aria-label=${w.open(when)}>${when}</a>`}
            ${forResearcher() && row.state !== "failed"
              ? links(w.report, w.reportOf(when), (format) => research.reportUrl(row.id, format), "report")
              : nothing}
          </th>`;
        }
        if (name === "person" && forResearcher()) {
          return html`<td data-label=${column.title}>
            ${cell} ${links(w.trend, w.trendOf(cell), (format) => research.trendUrl(row.person.id, format), "trend")}
          </td>`;
        }
        if (name === "suitable") {
          return html`<td data-label=${column.title} class="said">
            ${cell} ${said.filter((one) => one).map((one) => html`<span class="quiet">${one}</span>`)}
          </td>`;
        }
        return html`<td data-label=${column.title} class=${isNumber(name) ? "number" : name === "source" ? "wraps" : ""}>${cell}</td>`;
      })}
    </tr>`;
  }
}
customElements.define("bf-recordings", RecordingsScreen);

function isNumber(name: ColumnName): boolean {
  return name !== "started" && !columns[name].text;
}

function names(): readonly ColumnName[] {
  return Object.keys(columns) as ColumnName[];
}

/** Whoever works with the recordings of others, by their consent. */
function forResearcher(): boolean {
  return who.me?.role === "researcher";
}

/** A page to read and the same as PDF. */
function links(title: string, name: string, url: (format: "html" | "pdf") => string, testid: string): TemplateResult {
  const w = words.list;
  return html`<span class="pages">
    <a href=${url("html")} target="_blank" rel="noopener" aria-label=${name} data-testid=${`${testid}-html`}>${title}</a>
    <a href=${url("pdf")} download aria-label=${w.pdfOf(name)} data-testid=${`${testid}-pdf`}>${w.pdf}</a>
  </span>`;
}
