/**
 * What a browser that is the radio sends up, numbered, and kept until the service has
 * it. Pure: time is an argument. The layout is in `docs/protocol.md`, "Radio websocket".
 */

import type { LinkTold, Sender } from "./browser-strap.ts";

const VERSION = 1;
const HEAD_BYTES = 14;
const codes: Readonly<Record<Sender, number>> = { heart_rate_measurement: 1, battery_level: 2 };

interface Heard {
  readonly n: number;
  readonly atMs: number;
  readonly from: Sender;
  readonly data: Uint8Array;
}

interface Told {
  readonly n: number;
  readonly atMs: number;
  readonly link: LinkTold;
}

export type Item = Heard | Told;

/** Heartbeats come once a second, so this is over an hour of them. */
export const MOST_KEPT = 4096;

export class Backlog {
  readonly #most: number;
  #items: Item[] = [];
  #n = 0;

  constructor(most = MOST_KEPT) {
    this.#most = most;
  }

  get length(): number {
    return this.#items.length;
  }

  heard(from: Sender, data: Uint8Array, atMs: number): Item {
    return this.#keep({ n: ++this.#n, atMs, from, data });
  }

  told(link: LinkTold, atMs: number): Item {
    return this.#keep({ n: ++this.#n, atMs, link });
  }

  /** The service has everything up to number `n`. */
  have(n: number): void {
    const at = this.#items.findIndex((item) => item.n > n);
    this.#items = at < 0 ? [] : this.#items.slice(at);
  }

  /** What the service does not have yet, in order. */
  get waiting(): readonly Item[] {
    return this.#items;
  }

  #keep(item: Item): Item {
    this.#items.push(item);
    if (this.#items.length > this.#most) this.#items.shift(); // what is newest counts most
    return item;
  }
}

/** An item as it travels; it says how old it is, for no two clocks agree. */
export function encode(item: Item, nowMs: number): string | ArrayBuffer {
  const age_ms = Math.max(nowMs - item.atMs, 0);
  if ("link" in item) return JSON.stringify({ kind: "link", n: item.n, age_ms, ...item.link });
  const frame = new ArrayBuffer(HEAD_BYTES + item.data.length);
  const head = new DataView(frame);
  head.setUint8(0, VERSION);
  head.setUint8(1, codes[item.from]);
  head.setUint32(2, item.n, true);
  head.setFloat64(6, age_ms, true);
  new Uint8Array(frame, HEAD_BYTES).set(item.data);
  return frame;
}
