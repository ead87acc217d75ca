/** A small picture over weeks: one or two lines, their doubt as a shade, and a sentence. */

import { html, nothing, svg, type SVGTemplateResult, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { shortDay } from "../history-words.ts";
import { Part } from "../part.ts";
import type { Mean } from "../protocol.ts";
import { drawn, type Frame, outline, xOf, yOf } from "../week-lines.ts";

const HEIGHT = 176;
const ROOM_PER_LABEL = 84;

export interface WeekLine {
  readonly name: string;
  readonly means: readonly Mean[];
}

/** A level that is marked, and what it means: beside it, or among the keys above. */
export interface Level {
  readonly value: number;
  readonly words: string;
  readonly key?: true;
}

export class WeekChart extends Part {
  static override properties = {
    heading: { type: String },
    sentence: { type: String },
    mondays: { attribute: false },
    lines: { attribute: false },
    levels: { attribute: false },
    low: { type: Number },
    high: { type: Number },
    width: { state: true },
  };
  declare heading: string;
  declare sentence: string;
  declare mondays: readonly string[];
  /** The first is drawn open and dashed, the second filled; one alone is filled. */
  declare lines: readonly WeekLine[];
  declare levels: readonly Level[];
  declare low: number;
  declare high: number;
  declare width: number;
  #watch: ResizeObserver | undefined;

  constructor() {
    super();
    this.heading = "";
    this.sentence = "";
    this.mondays = [];
    this.lines = [];
    this.levels = [];
    this.low = 0;
    this.high = 10;
    this.width = 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#watch = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0) this.width = width;
    });
    this.#watch.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#watch?.disconnect();
  }

  protected override render(): TemplateResult {
    const shaded = this.lines.some((line) => this.#drawn(line).shades.length > 0);
    const missing = this.mondays.some((_, week) => this.lines.every((line) => line.means[week]?.mean == null));
    return html`<figure class="week-chart">
      <h2>${this.heading}</h2>
      ${this.width > 0
        ? html`<div role="img" aria-label=${this.sentence} class="week-picture">
            <p class="week-keys quiet">
              ${this.lines.map((line, at) => html`<span>${key(at, this.lines.length)}${line.name}</span>`)}
              ${this.levels.map((level) => (level.key ? html`<span>${levelKey()}${level.words}</span>` : nothing))}
            </p>
            ${this.#picture()}
          </div>`
        : nothing}
      <figcaption>
        <p data-testid="sentence">${this.sentence}</p>
        ${shaded || missing
          ? html`<p class="quiet">
              ${shaded ? copy.history.band : nothing} ${missing ? copy.history.emptyWeeks : nothing}
            </p>`
          : nothing}
      </figcaption>
    </figure>`;
  }

  get #frame(): Frame {
    const numbers = this.levels.some(({ words }) => words.length < 3);
    return { width: this.width, height: HEIGHT, low: this.low, high: this.high, left: numbers ? 20 : 0 };
  }

  #drawn(line: WeekLine): ReturnType<typeof drawn> {
    return drawn(line.means, this.#frame);
  }

  #picture(): TemplateResult {
    const frame = this.#frame;
    const each = this.lines.map((line) => this.#drawn(line));
    return html`<svg
      viewBox="0 0 ${this.width} ${HEIGHT + 28}"
      width=${this.width}
      height=${HEIGHT + 28}
      aria-hidden="true"
    >
      ${each.map(({ shades }, at) =>
        shades.map((shade) => svg`<polygon class="week-shade ${mark(at, each.length)}" points=${outline(shade)} />`),
      )}
      ${this.levels.map((level) => this.#level(level, frame))}
      ${each.map(
        ({ lines, points }, at) => svg`<g class="week-line ${mark(at, each.length)}">
          ${lines.map((line) => svg`<polyline points=${line.map((p) => `${p.x.toFixed(1)},${p.y.toFixed(1)}`).join(" ")} />`)}
          ${points.map((p) => svg`<circle cx=${p.x} cy=${p.y} r="5" />`)}
        </g>`,
      )}
      ${this.#weeks(frame)}
    </svg>`;
  }

  #level({ value, words, key }: Level, frame: Frame): SVGTemplateResult {
    const y = yOf(value, frame);
    if (key) return svg`<line class="week-level week-zero" x1="0" x2=${this.width} y1=${y} y2=${y} />`;
    // Numbers stand before their line, words at the very edge.
    if (frame.left) {
      return svg`<line class="week-level" x1="24" x2=${this.width} y1=${y} y2=${y} />
        <text class="week-words" x="0" y=${y + 5}>${words}</text>`;
    }
    return svg`<text class="week-words" x="0" y=${value === frame.high ? 12 : HEIGHT - 2}>${words}</text>`;
  }

  #weeks(frame: Frame): readonly SVGTemplateResult[] {
    const last = this.mondays.length - 1;
    const every = Math.max(1, Math.ceil(((last + 1) * ROOM_PER_LABEL) / Math.max(this.width, 1)));
    return this.mondays.map((monday, week) => {
      const x = xOf(week, this.mondays.length, frame);
      const said = (last - week) % every === 0;
      const anchor = week === last ? "end" : week === 0 ? "start" : "middle";
      const at = week === last ? this.width : week === 0 ? 0 : x;
      return svg`<line class="week-tick" x1=${x} x2=${x} y1=${HEIGHT - 4} y2=${HEIGHT} />
        ${said
          ? svg`<text class="week-words" x=${at} y=${HEIGHT + 18} text-anchor=${anchor}>${
              week === last ? copy.history.thisWeek : shortDay(monday)
            }</text>`
          : nothing}`;
    });
  }
}
customElements.define("bf-week-chart", WeekChart);

function mark(at: number, of: number): string {
  return of > 1 && at === 0 ? "week-first" : "week-second";
}

function levelKey(): TemplateResult {
  return html`<svg viewBox="0 0 32 12" width="32" height="12" aria-hidden="true">
    <line class="week-level week-zero" x1="0" x2="32" y1="6" y2="6" />
  </svg>`;
}

function key(at: number, of: number): TemplateResult {
  return html`<svg viewBox="0 0 32 12" width="32" height="12" aria-hidden="true">
    <g class="week-line ${mark(at, of)}">
      <polyline points="0,6 32,6" />
      <circle cx="16" cy="6" r="5" />
    </g>
  </svg>`;
}
