/**
 * One recording on one time axis: every plot zooms with the others and shares their
 * pointer. Drag to zoom, double-click for all; the same by keys and by buttons.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { labelWords, words } from "../copy-research.ts";
import { Part } from "../part.ts";
import {
  breathingPlot,
  type Colours,
  entriesPlot,
  hrPlot,
  type Plot,
  rrPlot,
  sayIfEmpty,
  spectrumPlot,
  type Stage,
  tachogram,
  type Tachogram,
  type WindowMetric,
  windowsPlot,
} from "../plots.ts";
import type { Series } from "../research.ts";
import { instantWords } from "../shelf-words.ts";
import { labelShapes, ratingShapes, shapePicture } from "../label-shapes.ts";
import type { BeatLabel, RatingType } from "../protocol.ts";

const LEAST_SPAN_S = 2;
const CLICK_PX = 4;
const NEAR_PX = 28;
const AXIS_PX = 52;
const EDGE_PX = 14;

type Name = "rr" | "hr" | "windows" | "spectrum" | "breathing" | "entries";
const NAMES: readonly Name[] = ["rr", "hr", "windows", "spectrum", "breathing", "entries"];

export class TimelinePart extends Part {
  static override properties = {
    series: { attribute: false },
    chosen: { attribute: false },
    metric: { state: true },
    view: { state: true },
    range: { state: true },
  };
  declare series: Series;
  /** The row of the chosen beat. */
  declare chosen: number | null;
  declare metric: WindowMetric;
  /** What is shown, in seconds. */
  declare view: readonly [number, number];
  declare range: readonly [string, string] | null;
  readonly #plots = new Map<Name, { u: uPlot; plot: Plot }>();
  #gram: Tachogram = { x: [], y: [], row: [] };
  #ends: (() => void)[] = [];
  #width = 0;

  constructor() {
    super();
    this.chosen = null;
    this.metric = "rmssd_ms";
    this.view = [0, 1];
    this.range = null;
  }

  get #all(): readonly [number, number] {
    return [0, Math.max(this.series.duration_ms / 1000, LEAST_SPAN_S)];
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("series");
    if (changed.has("series") && before?.id !== this.series.id) this.view = this.#all;
  }

  protected override firstUpdated(_: PropertyValues): void {
    const place = this.querySelector<HTMLElement>(".plots");
    if (!place) return;
    const observer = new ResizeObserver(() => this.#resize(place.clientWidth));
    observer.observe(place);
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    const repaint = (): void => this.#build();
    scheme.addEventListener("change", repaint);
    this.#ends = [() => observer.disconnect(), () => scheme.removeEventListener("change", repaint)];
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const end of this.#ends.splice(0)) end();
    this.#clear();
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has("series")) this.#build();
    else if (changed.has("metric")) this.#buildOne("windows");
    if (changed.has("view")) this.#zoomed();
    if (changed.has("chosen")) this.#plots.get("rr")?.u.redraw(false);
  }

  /** Brings an instant into view, keeping the zoom. */
  bring(seconds: number): void {
    const [from, to] = this.view;
    if (seconds > from && seconds < to) return;
    const span = to - from;
    this.#show(seconds - span / 2, seconds + span / 2);
  }

  #show(from: number, to: number): void {
    const [first, last] = this.#all;
    const span = Math.min(Math.max(to - from, LEAST_SPAN_S), last - first);
    const start = Math.min(Math.max(from, first), last - span);
    this.view = [start, start + span];
  }

  #zoom(times: number): void {
    const [from, to] = this.view;
    // Around the chosen beat, if it is in view: it must not zoom out of sight.
    const beat = (this.series.beats.t_ms[this.chosen ?? -1] ?? -1) / 1000;
    const middle = beat >= from && beat <= to ? beat : (from + to) / 2;
    this.#show(middle - ((to - from) * times) / 2, middle + ((to - from) * times) / 2);
  }

  #pan(share: number): void {
    const [from, to] = this.view;
    const by = (to - from) * share;
    this.#show(from + by, to + by);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const acts: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => this.#pan(-0.2),
      ArrowRight: () => this.#pan(0.2),
      "+": () => this.#zoom(0.5),
      "=": () => this.#zoom(0.5),
      "-": () => this.#zoom(2),
      "0": () => (this.view = this.#all),
      Home: () => (this.view = this.#all),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #zoomed(): void {
    const [min, max] = this.view;
    for (const { u } of this.#plots.values()) u.setScale("x", { min, max });
  }

  #resize(width: number): void {
    if (width === 0 || width === this.#width) return;
    this.#width = width;
    if (this.#plots.size === 0) this.#build();
    for (const { u, plot } of this.#plots.values()) u.setSize({ width, height: plot.height });
  }

  #clear(): void {
    for (const { u } of this.#plots.values()) u.destroy();
    this.#plots.clear();
  }

  #build(): void {
    if (this.#width === 0) return;
    this.#gram = tachogram(this.series);
    for (const name of NAMES) this.#buildOne(name);
  }

  #buildOne(name: Name): void {
    const place = this.querySelector<HTMLElement>(`[data-plot="${name}"]`);
    const readout = this.querySelector<HTMLElement>(`[data-read="${name}"]`);
    if (!place || !readout || this.#width === 0) return;
    this.#plots.get(name)?.u.destroy();
    const colours = this.#colours();
    const plot = this.#plot(name, colours);
    const u = new uPlot(this.#options(plot, colours, readout), plot.data, place);
    u.setScale("x", { min: this.view[0], max: this.view[1] });
    this.#touch(u);
    if (name === "rr") this.#clickable(u);
    this.#plots.set(name, { u, plot });
  }

  #plot(name: Name, colours: Colours): Plot {
    const stage: Stage = { series: this.series, colours, view: () => this.view, chosen: () => this.chosen };
    switch (name) {
      case "rr":
        return rrPlot(stage, this.#gram);
      case "hr":
        return hrPlot(stage);
      case "windows":
        return windowsPlot(stage, this.metric);
      case "spectrum": {
        const plot = spectrumPlot(stage);
        this.range = plot.range;
        return plot;
      }
      case "breathing":
        return breathingPlot(stage);
      case "entries":
        return entriesPlot(stage);
    }
  }

  #options(plot: Plot, colours: Colours, readout: HTMLElement): uPlot.Options {
    const axis = { stroke: colours.quiet, grid: { stroke: colours.line, width: 1 }, ticks: { show: false }, font: "13px system-ui, sans-serif" };
    const draw = (below: boolean) => (u: uPlot): void => {
      const px = uPlot.pxRatio;
      const { left, top, width, height } = u.bbox;
      u.ctx.save();
      u.ctx.beginPath();
      u.ctx.rect(left - EDGE_PX * px, top, width + 2 * EDGE_PX * px, height);
      u.ctx.clip();
      plot.draw?.(u, below);
      if (!below && plot.name !== "entries" && plot.name !== "spectrum") sayIfEmpty(u, colours);
      u.ctx.restore();
    };
    return {
      width: this.#width,
      height: plot.height,
      padding: [8, EDGE_PX, 0, 0],
      legend: { show: false },
      scales: { x: { time: false, range: () => [...this.view] as [number, number] }, y: { ...plot.y } },
      series: plot.series,
      axes: [
        {
          ...axis,
          size: 28,
          values: (u, splits) => splits.map((s) => instantWords(s, ((u.scales["x"]?.max ?? 1) - (u.scales["x"]?.min ?? 0)) / 10)),
        },
        { ...axis, size: AXIS_PX, space: 26 },
      ],
      cursor: {
        sync: { key: `timeline-${this.series.id}`, scales: ["x", null] },
        drag: { x: true, y: false, setScale: false, dist: CLICK_PX },
        focus: { prox: 32 },
        bind: {
          dblclick: () => () => {
            this.view = this.#all;
            return null;
          },
        },
      },
      hooks: {
        drawClear: [draw(true)],
        draw: [draw(false)],
        setCursor: [
          (u) => {
            const { idx, left } = u.cursor;
            readout.textContent = idx === null || idx === undefined || (left ?? -1) < 0 ? "" : plot.read(u, idx);
          },
        ],
        setSelect: [
          (u) => {
            const { left, width } = u.select;
            if (width < CLICK_PX) return;
            const [from, to] = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            this.#show(from, to);
          },
        ],
      },
    };
  }

  /** A click that was no drag. */
  #clickable(u: uPlot): void {
    let pressedX = 0;
    u.over.addEventListener("mousedown", (event) => (pressedX = event.clientX));
    u.over.addEventListener("click", (event) => {
      if (Math.abs(event.clientX - pressedX) < CLICK_PX) this.#clicked(u, event.offsetX, event.offsetY);
    });
  }

  /** The beat that was clicked, if there is one near. */
  #clicked(u: uPlot, left: number, top: number): void {
    let best = -1;
    let nearest = NEAR_PX;
    this.#gram.x.forEach((x, i) => {
      const y = this.#gram.y[i];
      if (y === null || y === undefined) return;
      const away = Math.hypot(u.valToPos(x, "x") - left, u.valToPos(y, "y") - top);
      if (away < nearest) [nearest, best] = [away, this.#gram.row[i] ?? -1];
    });
    if (best >= 0) this.tell("beat", best);
  }

  /** A finger drawn sideways zooms; up and down still scrolls the page. */
  #touch(u: uPlot): void {
    let began: number | null = null;
    u.over.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch") began = event.offsetX;
    });
    u.over.addEventListener("pointermove", (event) => {
      if (began === null || event.pointerType !== "touch") return;
      const left = Math.min(began, event.offsetX);
      u.setSelect({ left, top: 0, width: Math.abs(event.offsetX - began), height: u.over.clientHeight }, false);
    });
    const end = (zooms: boolean) => (event: PointerEvent): void => {
      if (began === null || event.pointerType !== "touch") return;
      began = null;
      const { left, width } = u.select;
      if (zooms && width > 24) this.#show(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
      u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    };
    u.over.addEventListener("pointerup", end(true));
    u.over.addEventListener("pointercancel", end(false));
  }

  #colours(): Colours {
    const style = getComputedStyle(this);
    const token = (name: string): string => style.getPropertyValue(name).trim();
    return {
      ink: token("--ink"),
      quiet: token("--ink-quiet"),
      line: token("--line"),
      heart: token("--heart"),
      accent: token("--accent"),
      breath: token("--breath-area"),
      ground: token("--raised"),
      dark: window.matchMedia("(prefers-color-scheme: dark)").matches,
    };
  }

  protected override render(): TemplateResult {
    const w = words.time;
    const [from, to] = this.view;
    const stepS = (to - from) / 50;
    const whole = to - from >= this.#all[1] - 0.001;
    return html`<section class="timeline" aria-labelledby="timeline-title">
      <h2 id="timeline-title">${w.title}</h2>
      <p class="quiet">${w.help}</p>
      <div class="tools" role="group" aria-label=${w.title}>
        ${this.#tool("earlier", w.earlier, () => this.#pan(-0.5), whole)}
        ${this.#tool("later", w.later, () => this.#pan(0.5), whole)}
        ${this.#tool("zoom-in", w.in, () => this.#zoom(0.5), to - from <= LEAST_SPAN_S)}
        ${this.#tool("zoom-out", w.out, () => this.#zoom(2), whole)}
        ${this.#tool("zoom-all", w.all, () => (this.view = this.#all), whole)}
        <span class="quiet span" role="status" data-testid="span">
          ${w.span(instantWords(from, stepS), instantWords(to, stepS))}
        </span>
      </div>
      <div class="plots" tabindex="0" role="group" aria-label=${w.title} @keydown=${this.#key}>
        ${this.#figure("rr", w.rr, this.#labelKeys(), this.series.beats.rr_ms)}
        ${this.#figure("hr", w.hr, w.hrNote, this.series.heart.hr_bpm)}
        ${this.#figure("windows", w.windows, w.windowsNote, this.series.metrics[`${this.metric}_60s`] ?? [], this.#metrics())}
        ${this.#figure("spectrum", w.spectrum, this.#spectrumNote(), null)}
        ${this.#figure("breathing", w.breathing, w.breathingNote, this.series.metrics["breathing_bpm"] ?? [])}
        ${this.#figure("entries", w.entries, this.series.entries.length > 0 ? this.#ratingKeys() : w.noEntries, null)}
      </div>
    </section>`;
  }

  #spectrumNote(): string {
    const w = words.time;
    if (!this.range) return `${w.spectrumNone} ${w.spectrumUnknown}`;
    const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    return `${(dark ? w.spectrumDark : w.spectrumNote)(...this.range)} ${w.spectrumUnknown}`;
  }

  /** The shapes of the labels that there are. */
  #labelKeys(): TemplateResult {
    const { label, label_now } = this.series.beats;
    const there = (Object.keys(labelShapes) as BeatLabel[]).filter(
      (one) => one !== "normal" && (label.includes(one) || label_now.includes(one)),
    );
    return html`${words.time.rrNote}
      ${there.map((one) => html`<span class="key">${shapePicture(labelShapes[one])} ${labelWords[one]}</span>`)}`;
  }

  #ratingKeys(): TemplateResult {
    return html`${words.time.entriesNote}
      ${(Object.entries(ratingShapes) as [RatingType, (typeof ratingShapes)[RatingType]][]).map(
        ([type, shape]) => html`<span class="key">${shapePicture(shape)} ${words.ratings[type]}</span>`,
      )}`;
  }

  #tool(name: string, said: string, act: () => void, off: boolean): TemplateResult {
    return html`<button class="button slim" type="button" data-testid=${name} ?disabled=${off} @click=${act}>
      ${said}
    </button>`;
  }

  #metrics(): TemplateResult {
    return html`<label class="field inline">
      <span>${words.time.metric}</span>
      <select
        data-testid="metric"
        @change=${(event: Event) => (this.metric = (event.target as HTMLSelectElement).value as WindowMetric)}
        @keydown=${(event: Event) => event.stopPropagation()}
      >
        ${(Object.entries(words.time.metrics) as [WindowMetric, string][]).map(
          ([name, said]) => html`<option value=${name} ?selected=${name === this.metric}>${said}</option>`,
        )}
      </select>
    </label>`;
  }

  #figure(
    name: Name,
    title: string,
    note: string | TemplateResult,
    values: readonly (number | null)[] | null,
    control: TemplateResult | typeof nothing = nothing,
  ): TemplateResult {
    return html`<figure class="plot" aria-label=${title} data-testid=${`plot-${name}`}>
      <figcaption>
        <h3>${title}</h3>
        ${control}
        <span class="readout" data-read=${name}></span>
      </figcaption>
      <div class="plot-place" data-plot=${name} aria-hidden="true"></div>
      <p class="quiet plot-note">${note}${values ? html` <span class="sr-only">${rangeWords(values)}</span>` : nothing}</p>
    </figure>`;
  }
}
customElements.define("bf-timeline", TimelinePart);

/** What a plot shows, for those who do not see it. */
function rangeWords(values: readonly (number | null)[]): string {
  let n = 0;
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null) continue;
    n++;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const w = words.time;
  return n === 0 ? w.unknown : w.known(n, String(Math.round(low * 10) / 10), String(Math.round(high * 10) / 10));
}
