/**
 * ECG and movement, for those who ask to see them. Straight from the ring of samples to
 * the canvas: it scrolls; with less motion asked for it sweeps, so that nothing which is
 * drawn moves.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import type { Feed } from "../feed.ts";
import { frames, stillness, whenResized } from "../motion.ts";
import { Part } from "../part.ts";
import type { SignalName } from "../protocol.ts";
import { barLength, type SampleRing, type Scale, scaleOf } from "../samples.ts";
import { serviceSays } from "../words.ts";

const SPAN_MS = 6_000;
/** Where the sweep wipes ahead of itself. */
const WIPE_MS = 400;
/** A strap may take half a minute before its ECG begins (polar-ble-sdk#414). */
const PATIENCE_MS = 30_000;
const FIRMWARE_OLD = "firmware_old";
const INSET = 10;
/** Room for the scale: beside the lanes, and below them. */
const MARGIN = 22;
const FOOT = 20;
const BAR_MS = 1_000;

/** The least that fills the height, in µV and mG: noise is not blown up to look like more. */
const leastSpan: Readonly<Record<SignalName, number>> = { ecg: 1_000, acc: 100 };
const names: readonly SignalName[] = ["ecg", "acc"];

export class SignalsPart extends Part {
  static override properties = {
    feed: { attribute: false },
    tick: { attribute: false },
    shown: { state: true },
  };
  declare feed: Feed;
  /** Changes once a second, so that waiting has an end. */
  declare tick: number;
  declare shown: ReadonlyMap<SignalName, { readonly ring: SampleRing; readonly sinceMs: number }>;

  constructor() {
    super();
    this.shown = new Map();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const name of this.shown.keys()) this.feed.hide(name);
    this.shown = new Map();
  }

  #toggle(name: SignalName): void {
    const shown = new Map(this.shown);
    if (shown.delete(name)) this.feed.hide(name);
    else shown.set(name, { ring: this.feed.show(name), sinceMs: performance.now() });
    this.shown = shown;
  }

  protected override render(): TemplateResult | typeof nothing {
    const { link } = this.feed;
    const offered = names.filter((name) => link?.strap?.signals?.includes(name) || this.shown.has(name));
    const old = link?.reason === FIRMWARE_OLD ? serviceSays(link.reason, link.advice) : null;
    if (offered.length === 0 && !old) return nothing;
    return html`
      <div class="signal-buttons">
        ${offered.map(
          (name) => html`<button
            class="button slim"
            type="button"
            data-testid="toggle-${name}"
            aria-pressed=${this.shown.has(name)}
            @click=${() => this.#toggle(name)}
          >
            ${this.shown.has(name) ? copy.signals[name].hide : copy.signals[name].show}
          </button>`,
        )}
      </div>
      ${old ? html`<p class="quiet signal-words" role="status" data-testid="signal-words">${old}</p>` : nothing}
      ${offered.map((name) => (old ? nothing : this.#signal(name)))}
    `;
  }

  #signal(name: SignalName): TemplateResult | typeof nothing {
    const shown = this.shown.get(name);
    if (!shown) return nothing;
    const { ring, sinceMs } = shown;
    const ageMs = (this.feed.nowMs() ?? 0) - ring.lastMs;
    const drawn = ageMs < PATIENCE_MS;
    const late = !ring.empty || performance.now() - sinceMs > PATIENCE_MS;
    return html`<div data-testid="signal-${name}" data-state=${drawn ? "drawing" : "waiting"}>
      ${drawn ? html`<bf-signal .feed=${this.feed} .ring=${ring} .name=${name}></bf-signal>` : nothing}
      <p class="quiet signal-words" role="status"
        >${drawn ? "" : late ? copy.signals.none : copy.signals.waiting}</p
      >
    </div>`;
  }
}
customElements.define("bf-signals", SignalsPart);

class SignalPart extends Part {
  static override properties = {
    feed: { attribute: false },
    ring: { attribute: false },
    name: { attribute: false },
    scale: { state: true },
  };
  declare feed: Feed;
  declare ring: SampleRing;
  declare name: SignalName;
  /** The bar's length in the signal's unit: what the caption tells. */
  declare scale: number;
  #canvas: HTMLCanvasElement | null = null;
  #size = { width: 0, height: 0, ratio: 1 };
  #ink = { line: "", quiet: "", font: "" };
  #eased: Scale | null = null;
  #end: (() => void)[] = [];

  constructor() {
    super();
    this.scale = 0;
  }

  protected override firstUpdated(_: PropertyValues): void {
    const canvas = this.querySelector("canvas");
    if (!canvas) return;
    this.#canvas = canvas;
    this.#end = [
      whenResized(canvas, () => this.#measure()),
      frames(() => this.#draw(), () => (stillness() ? 4 : 20)),
    ];
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const end of this.#end.splice(0)) end();
  }

  #measure(): void {
    const canvas = this.#canvas;
    if (!canvas) return;
    const ratio = Math.min(devicePixelRatio, 2);
    const { width, height } = canvas.getBoundingClientRect();
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    this.#size = { width, height, ratio };
    const style = getComputedStyle(this);
    this.#ink = {
      line: style.getPropertyValue("--accent").trim(),
      quiet: style.getPropertyValue("--ink-quiet").trim(),
      font: `14px ${style.fontFamily}`,
    };
  }

  #draw(): void {
    const sessionMs = this.feed.nowMs();
    const pen = this.#canvas?.getContext("2d");
    if (sessionMs === null || !pen) return;
    const { width, height, ratio } = this.#size;
    const sweep = stillness();
    const nowMs = sessionMs - this.ring.lagMs;
    const samples = this.ring.between(nowMs - SPAN_MS + (sweep ? WIPE_MS : 0), nowMs);
    const wanted = scaleOf(samples, leastSpan[this.name]);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!wanted) return;
    const scale = this.#ease(wanted, sweep);
    const lanes = scale.middles.length;
    const lane = (height - 2 * INSET - FOOT) / lanes;
    const perUnit = (lane * (lanes > 1 ? 0.94 : 1)) / scale.span;
    const perMs = (width - MARGIN) / SPAN_MS;
    const x = (tMs: number): number =>
      sweep ? MARGIN + (tMs % SPAN_MS) * perMs : width - (nowMs - tMs) * perMs;
    pen.strokeStyle = this.#ink.line;
    pen.lineWidth = 1.75;
    pen.lineJoin = "round";
    pen.beginPath();
    scale.middles.forEach((middle, i) => {
      const centre = INSET + lane * (i + 0.5);
      let before = Infinity;
      for (const sample of samples) {
        const px = x(sample.t_ms);
        const py = centre - ((sample.values[i] ?? middle) - middle) * perUnit;
        if (sample.joined && px >= before) pen.lineTo(px, py);
        else pen.moveTo(px, py);
        before = px;
      }
    });
    pen.stroke();
    this.#bars(pen, barLength(scale.span), perUnit, perMs);
  }

  /** How tall one unit is and how wide one second: two bars in the corner. */
  #bars(pen: CanvasRenderingContext2D, length: number, perUnit: number, perMs: number): void {
    const { height } = this.#size;
    const left = INSET + 0.5;
    const foot = height - INSET + 0.5;
    const right = MARGIN + BAR_MS * perMs;
    pen.strokeStyle = this.#ink.quiet;
    pen.fillStyle = this.#ink.quiet;
    pen.font = this.#ink.font;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(left, foot - length * perUnit);
    pen.lineTo(left, foot);
    pen.moveTo(MARGIN, foot);
    pen.lineTo(right, foot);
    pen.stroke();
    pen.fillText(`${copy.signals.second}, ${copy.signals[this.name].amount(length)}`, right + 8, foot + 3);
    this.scale = length;
  }

  /** The scale glides, it does not snap; with less motion asked for it steps. */
  #ease(wanted: Scale, sweep: boolean): Scale {
    const last = this.#eased;
    const same = last?.middles.length === wanted.middles.length;
    if (!last || !same || sweep) return (this.#eased = wanted);
    const pull = 0.08;
    const glide = (from: number, to: number): number => from + (to - from) * pull;
    this.#eased = {
      middles: wanted.middles.map((to, i) => glide(last.middles[i] ?? to, to)),
      // At once where it would be cut off.
      span: Math.max(glide(last.span, wanted.span), wanted.span),
    };
    return this.#eased;
  }

  protected override render(): TemplateResult {
    const words = copy.signals[this.name];
    return html`<figure class="trace signal ${this.name}">
      <canvas aria-hidden="true" data-testid="canvas-${this.name}"></canvas>
      <figcaption>
        <span
          >${words.title}${this.feed.session.simulated
            ? html` <span class="chip">${copy.start.simulated}</span>`
            : nothing}</span
        >
        <span>${this.scale > 0 ? copy.signals.scale(words.amount(this.scale)) : ""}</span>
        <span>${words.note}</span>
      </figcaption>
    </figure>`;
  }
}
customElements.define("bf-signal", SignalPart);
