/**
 * Samples of a trace: binary frames decoded (`docs/protocol.md`, "Traces"), and the last
 * seconds of them kept. Pure: time is an argument.
 */

import type { SignalName } from "./protocol.ts";

const VERSION = 1;
const HEAD_BYTES = 56;
const signals: Readonly<Record<number, SignalName>> = { 1: "ecg", 2: "acc" };

export interface Samples {
  readonly signal: SignalName;
  readonly channels: number;
  readonly frame: number;
  /** The session's time of the last sample, and how far apart they lie. */
  readonly t_ms: number;
  readonly interval_ms: number;
  /** Another one than before: samples are missing between the two. */
  readonly segment: number;
  /** Sample by sample, the oldest first: µV, or mG along x, y and z. */
  readonly values: ArrayLike<number>;
}

/** The samples in a frame; null for what this page does not draw. */
export function decodeSamples(frame: ArrayBuffer): Samples | null {
  if (frame.byteLength < HEAD_BYTES) return null;
  const head = new DataView(frame);
  const signal = signals[head.getUint8(1)];
  const channels = head.getUint8(2);
  const width = head.getUint8(3);
  const n = head.getUint32(8, true) * channels;
  if (head.getUint8(0) !== VERSION || !signal || channels === 0) return null;
  if (width < 2 || width > 4 || frame.byteLength !== HEAD_BYTES + n * width) return null;
  const values = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const at = HEAD_BYTES + i * width;
    if (width === 2) values[i] = head.getInt16(at, true);
    else if (width === 3) values[i] = (head.getInt16(at + 1, true) << 8) | head.getUint8(at);
    else values[i] = head.getInt32(at, true);
  }
  return {
    signal,
    channels,
    frame: head.getUint32(4, true),
    t_ms: head.getFloat64(12, true),
    interval_ms: head.getFloat64(20, true),
    segment: head.getUint32(36, true),
    values,
  };
}

/** One sample of every channel; `joined` is false where the line must break. */
export interface Sample {
  readonly t_ms: number;
  readonly values: readonly number[];
  readonly joined: boolean;
}

/** Two samples further apart than this many intervals have lost some between them. */
const JOINED_WITHIN = 2.5;
/** A frame's first sample is this old at most when it comes; older ones came in a queue. */
const MOST_LAG_MS = 3_000;
const LEAST_LAG_MS = 300;
const FRAMES_LOOKED_AT = 24;

export class SampleRing {
  readonly #keepMs: number;
  #samples: Sample[] = [];
  #lags: number[] = [];
  #segment: number | null = null;

  constructor(keepMs = 10_000) {
    this.#keepMs = keepMs;
  }

  get empty(): boolean {
    return this.#samples.length === 0;
  }

  /** The session's time of the newest sample. */
  get lastMs(): number {
    return this.#samples.at(-1)?.t_ms ?? -Infinity;
  }

  get channels(): number {
    return this.#samples.at(-1)?.values.length ?? 0;
  }

  /**
   * How far behind the session's clock to draw, so that the line is never waiting for
   * the next frame: samples come in packets, the first of each being the oldest.
   */
  get lagMs(): number {
    return Math.max(LEAST_LAG_MS, ...this.#lags);
  }

  /** Forgets them all: time went another way. */
  clear(): void {
    this.#samples = [];
    this.#lags = [];
    this.#segment = null;
  }

  push(samples: Samples, nowMs: number | null): void {
    const { channels, interval_ms, segment, t_ms, values } = samples;
    const n = values.length / channels;
    const firstMs = t_ms - (n - 1) * interval_ms;
    if (nowMs !== null) {
      this.#lags = [...this.#lags, Math.min(nowMs - firstMs, MOST_LAG_MS)].slice(-FRAMES_LOOKED_AT);
    }
    let beforeMs = this.#samples.at(-1)?.t_ms ?? -Infinity;
    for (let i = 0; i < n; i++) {
      const at = firstMs + i * interval_ms;
      if (at <= beforeMs) continue; // sent again
      this.#samples.push({
        t_ms: at,
        values: Array.from({ length: channels }, (_, channel) => values[i * channels + channel] ?? 0),
        joined: segment === this.#segment && at - beforeMs <= JOINED_WITHIN * interval_ms,
      });
      this.#segment = segment;
      beforeMs = at;
    }
    const oldest = this.#samples.findIndex((sample) => sample.t_ms >= beforeMs - this.#keepMs);
    if (oldest > 0) this.#samples.splice(0, oldest);
  }

  /** The samples from `fromMs` to `toMs`, oldest first. */
  between(fromMs: number, toMs: number): readonly Sample[] {
    return this.#samples.filter((sample) => sample.t_ms >= fromMs && sample.t_ms <= toMs);
  }
}

/** A scale that all lanes share: each lane's middle, and the span that fits the widest. */
export interface Scale {
  readonly middles: readonly number[];
  readonly span: number;
}

export function scaleOf(samples: readonly Sample[], leastSpan: number): Scale | null {
  const first = samples[0];
  if (!first) return null;
  const low = [...first.values];
  const high = [...first.values];
  for (const { values } of samples) {
    values.forEach((value, lane) => {
      low[lane] = Math.min(low[lane] ?? value, value);
      high[lane] = Math.max(high[lane] ?? value, value);
    });
  }
  const middles = low.map((value, lane) => (value + (high[lane] ?? value)) / 2);
  const widest = Math.max(...low.map((value, lane) => (high[lane] ?? value) - value));
  return { middles, span: Math.max(widest * 1.15, leastSpan) };
}

/** The length of a scale's bar: 1, 2 or 5 times a power of ten, below half of the span. */
export function barLength(span: number): number {
  const wanted = span / 2;
  const ten = 10 ** Math.floor(Math.log10(wanted));
  const times = [5, 2, 1].find((k) => k * ten <= wanted) ?? 1;
  return times * ten;
}
