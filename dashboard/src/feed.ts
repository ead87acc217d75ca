/**
 * Everything one session has told this page so far. Screens read it; the live link
 * writes it. Beats go to a ring buffer and never through the screens.
 */

import { adjust, type ClockSample, type ClockState, estimateOffsetMs, remember, sessionMs } from "./clock.ts";
import { LiveLink } from "./live.ts";
import { type PacerPart, withPart } from "./pacer.ts";
import type { Entry, Heart, Link, Message, Metrics, Session } from "./protocol.ts";
import { BeatRing } from "./ring.ts";

/** The practice as it was begun: an entry of the session itself, so a reload knows it. */
export interface Phase {
  readonly startedMs: number;
  readonly minutes: number;
}

export const PHASE = "phase";

export class Feed extends EventTarget {
  readonly session: Session;
  readonly beats = new BeatRing();
  schedule: readonly PacerPart[] = [];
  link: Link | null = null;
  heart: Heart | null = null;
  metrics: Metrics | null = null;
  entries: readonly Entry[] = [];
  connected = false;
  /** When the service was last heard, on this computer's clock. */
  heardMs = performance.now();
  /** Set when the service will send nothing more. */
  over = false;
  /** Null until the clock is known, or when the person stopped the pacing. */
  #clock: ClockState | null = null;
  #samples: readonly ClockSample[] = [];
  readonly #live: LiveLink;

  constructor(session: Session) {
    super();
    this.session = session;
    this.#live = new LiveLink(session.id, {
      message: (message, receivedMs) => this.#take(message, receivedMs),
      connected: (connected) => {
        // A new connection may be to a restarted service: measure anew.
        if (connected) this.#samples = [];
        this.connected = connected;
        this.#changed();
      },
      ended: () => {
        this.over = true;
        this.#changed();
      },
    });
  }

  close(): void {
    this.#live.close();
  }

  /** Now on the session's clock, or null while it is not known. */
  nowMs(): number | null {
    return this.#clock ? sessionMs(this.#clock, performance.now()) : null;
  }

  /** The practice under way, from its entry; sent twice, the first one counts. */
  get phase(): Phase | null {
    const entry = this.entries.find((e) => e.type === PHASE && e.text === "practice");
    return entry ? { startedMs: entry.t_ms, minutes: entry.value ?? 0 } : null;
  }

  /** What the service says of its own trouble with the recording, if it has any. */
  get trouble(): string | null {
    const said = (type: string): Entry | undefined =>
      this.entries.findLast((e) => e.by === "system" && e.type === type);
    return (said("recording_stopped") ?? said("records_lost"))?.text ?? null;
  }

  /** Asks for the time again, after the computer slept. */
  resync(): void {
    this.#live.ping(3);
  }

  #take(message: Message, receivedMs: number): void {
    this.heardMs = receivedMs;
    switch (message.kind) {
      case "beat":
        this.beats.push(message);
        return;
      case "clock":
        this.#tick(message.client_time_ms, receivedMs, message.session_ms);
        return;
      case "link":
        this.link = message;
        break;
      case "heart":
        this.heart = message;
        break;
      case "metrics":
        this.metrics = message;
        break;
      case "pacer":
        this.schedule = withPart(this.schedule, message);
        break;
      case "event":
        if (!this.entries.some((known) => known.id === message.id)) {
          this.entries = [...this.entries, message];
        }
        break;
      case "hello":
      case "referee":
      case "gap":
      case "error":
        return;
    }
    this.#changed();
  }

  #tick(sentMs: number, receivedMs: number, session_ms: number): void {
    const speed = this.session.speed ?? 1;
    this.#samples = remember(this.#samples, { sent_ms: sentMs, received_ms: receivedMs, session_ms });
    const offset = estimateOffsetMs(this.#samples, speed);
    if (offset === null) return;
    const first = this.#clock === null;
    this.#clock = adjust(this.#clock, offset, receivedMs, speed);
    if (first) this.#changed();
  }

  #changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}
