/**
 * Everything one session has told this page so far. Screens read it; the live link
 * writes it. Beats go to a ring buffer and never through the screens.
 */

import { adjust, type ClockSample, type ClockState, estimateOffsetMs, remember, sessionMs } from "./clock.ts";
import { LiveLink, SIGNED_OUT } from "./live.ts";
import { glide, joined, type PaceCommand, type Paced, type PacerPart, withPart } from "./pacer.ts";
import type { Ask, Entry, Heart, Link, Message, Metrics, Replay, Session, SignalName } from "./protocol.ts";
import { BeatRing } from "./ring.ts";
import { decodeSamples, SampleRing } from "./samples.ts";
import { serviceSays } from "./words.ts";

/** The practice as it was begun: an entry of the session itself, so a reload knows it. */
export interface Phase {
  readonly startedMs: number;
  readonly minutes: number;
}

export const PHASE = "phase";

export class Feed extends EventTarget implements Paced {
  readonly session: Session;
  readonly beats = new BeatRing();
  schedule: readonly PacerPart[] = [];
  link: Link | null = null;
  heart: Heart | null = null;
  metrics: Metrics | null = null;
  entries: readonly Entry[] = [];
  /** What is asked of the strap beside its heart rate, by whomever. */
  signals: readonly Ask[];
  /** How a replay stands, where the service says so. */
  replay: Replay | null = null;
  connected = false;
  /** When the service was last heard, on this computer's clock. */
  heardMs = performance.now();
  /** Set when the service will send nothing more. */
  over = false;
  /** Set while nobody is signed in here: the session goes on without this page. */
  signedOut = false;
  /** Null until the clock is known, or when the person stopped the pacing. */
  #clock: ClockState | null = null;
  #samples: readonly ClockSample[] = [];
  /** The traces on this page; only their samples are sent here. */
  readonly #traces = new Map<SignalName, SampleRing>();
  /** What this page asked of the strap, and therefore takes back. */
  readonly #asked = new Set<SignalName>();
  #begun: Phase | null = null;
  /** The newest message there was when the first connection was made; null before. */
  #helloSeq: number | null = null;
  #seq = 0;
  readonly #live: LiveLink;

  constructor(session: Session) {
    super();
    this.session = session;
    this.signals = session.signals;
    this.#live = new LiveLink(session.id, {
      message: (message, receivedMs) => this.#take(message, receivedMs),
      samples: (frame) => this.#sampled(frame),
      connected: (connected) => {
        // A new connection may be to a restarted service: measure anew.
        if (connected) this.#samples = [];
        if (connected && this.#traces.size > 0) this.#wantAgain();
        this.connected = connected;
        this.#changed();
      },
      ended: (code) => {
        if (code === SIGNED_OUT) this.signedOut = true;
        else this.over = true;
        this.#changed();
      },
    });
  }

  close(): void {
    this.#live.close();
  }

  /** The service does not know who is here; `resume` when it does again. */
  signOut(): void {
    this.signedOut = true;
    this.#changed();
  }

  resume(): void {
    this.signedOut = false;
    this.#live.resume();
    this.#changed();
  }

  /** Now on the session's clock, or null while it is not known. */
  nowMs(): number | null {
    return this.#clock ? sessionMs(this.#clock, performance.now()) : null;
  }

  /** The practice under way, from its entry; sent twice, the first one counts. */
  get phase(): Phase | null {
    return this.begun ?? this.#begun;
  }

  /** The same, once the service has told of it. */
  get begun(): Phase | null {
    const entry = this.entries.find((e) => e.type === PHASE && e.text === "practice");
    return entry ? { startedMs: entry.at_ms ?? entry.t_ms, minutes: entry.value ?? 0 } : null;
  }

  /** Whether all that was held of the session is here: only then is an entry missing. */
  get caughtUp(): boolean {
    return this.#helloSeq !== null && this.#seq >= this.#helloSeq;
  }

  /** A practice begins on this page, before the service tells of it. */
  begin(phase: Phase): void {
    this.#begun = phase;
  }

  /**
   * Takes a pace over at once, before the service tells of it; `anew` begins with it,
   * so that nothing of an earlier pace is shown until then.
   */
  pace(command: PaceCommand, tMs: number, anew = false): void {
    const parts = glide(this.schedule, tMs, command).map((part) => ({ ...part, local: true }));
    this.schedule = anew ? parts : joined(this.schedule, parts);
    this.#changed();
  }

  /** What the service says of its own trouble with the recording, if it has any. */
  get trouble(): string | null {
    const said = (type: string): Entry | undefined =>
      this.entries.findLast((e) => e.by === "system" && e.type === type);
    const entry = said("recording_stopped") ?? said("records_lost");
    return entry ? serviceSays(entry.type, entry.text) : null;
  }

  /** Asks for the time again, after the computer slept. */
  resync(): void {
    this.#live.ping(3);
  }

  /** Sends a command of this session, if there is a connection. */
  command(command: Readonly<Record<string, unknown>>): boolean {
    return this.#live.command(command);
  }

  /** Asks for a trace: of the strap, where that sends nothing yet, and of the service. */
  show(signal: SignalName): SampleRing {
    const ring = this.#traces.get(signal) ?? new SampleRing();
    this.#traces.set(signal, ring);
    if (this.session.source !== "replay" && !this.signals.some((ask) => ask.signal === signal)) {
      this.#asked.add(signal);
      this.#ask([...this.signals, { signal, rate_hz: null }]);
    }
    this.#wantTraces();
    return ring;
  }

  /** Asks for it no more; what others asked of the strap goes on. */
  hide(signal: SignalName): void {
    this.#traces.delete(signal);
    this.#wantTraces();
    if (this.#asked.delete(signal)) this.#ask(this.signals.filter((ask) => ask.signal !== signal));
  }

  #ask(signals: readonly Ask[]): void {
    if (this.#live.command({ kind: "signals", signals })) this.signals = signals;
  }

  /** A new connection knows nothing of traces, and a tap may have come without one. */
  #wantAgain(): void {
    const missing = [...this.#asked].filter((name) => !this.signals.some((ask) => ask.signal === name));
    if (missing.length > 0) {
      this.#ask([...this.signals, ...missing.map((signal) => ({ signal, rate_hz: null }))]);
    }
    this.#wantTraces();
  }

  #wantTraces(): void {
    this.#live.command({ kind: "traces", signals: [...this.#traces.keys()] });
  }

  #sampled(frame: ArrayBuffer): void {
    const samples = decodeSamples(frame);
    if (samples) this.#traces.get(samples.signal)?.push(samples, this.nowMs());
  }

  #take(message: Message, receivedMs: number): void {
    this.heardMs = receivedMs;
    if (message.kind === "hello") {
      this.signedOut = false; // only who is known is greeted
      this.#helloSeq ??= message.last_seq;
    } else if (message.kind !== "clock" && message.kind !== "error") this.#seq = message.seq;
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
      case "signals":
        this.signals = message.signals;
        break;
      case "event":
        if (!this.entries.some((known) => known.id === message.id)) {
          this.entries = [...this.entries, message];
        }
        break;
      case "replay":
        this.#replayed(message, receivedMs);
        break;
      case "hello":
      case "restated":
      case "referee":
      case "gap":
        return;
      case "error":
        this.dispatchEvent(new CustomEvent("refused", { detail: message }));
        return;
    }
    this.#changed();
  }

  /** Time went another way: what was drawn of it goes, and the clock is set anew. */
  #replayed(replay: Replay, receivedMs: number): void {
    this.replay = replay;
    if (replay.jumped) {
      this.beats.clear();
      for (const ring of this.#traces.values()) ring.clear();
      this.heart = null;
      this.metrics = null;
      this.entries = this.entries.filter((entry) => entry.t_ms <= replay.position_ms);
    }
    const speed = this.speed;
    this.#samples = [];
    this.#clock = adjust(null, replay.position_ms - speed * receivedMs, receivedMs, speed);
  }

  /** How fast the session's clock runs: it stands still in a replay that is paused. */
  get speed(): number {
    if (this.replay) return this.replay.state === "playing" ? this.replay.speed : 0;
    return this.session.speed ?? 1;
  }

  #tick(sentMs: number, receivedMs: number, session_ms: number): void {
    const speed = this.speed;
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
