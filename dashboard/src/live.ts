/**
 * One live websocket that stays: it reconnects with `since`, so no message is missed
 * and none is shown twice, and it keeps asking the service for its time.
 */

import { pause } from "./again.ts";
import type { Message } from "./protocol.ts";

const NO_SUCH_SESSION = 4404;
/** Nobody is signed in here any more: it goes on once somebody is. */
export const SIGNED_OUT = 4401;
/** It is not shared with this person any more. */
const NO_LONGER = 4403;
const PINGS_AT_FIRST = 10;
/** The service takes ten commands a second: half of them are left for the person. */
const PING_APART_MS = 200;
const PING_EVERY_MS = 20_000;
/** The service pings by itself; silence on our own pings means the link is dead. */
const ANSWER_WITHIN_MS = 8_000;

export interface LiveHandlers {
  message(message: Message, receivedMs: number): void;
  /** A binary frame of samples, for whoever asked for them. */
  samples(frame: ArrayBuffer): void;
  connected(connected: boolean): void;
  /** Nothing more will come: the session ended, or it may not be seen; or not until `resume`. */
  ended(code: number): void;
}

export class LiveLink {
  readonly #id: string;
  readonly #on: LiveHandlers;
  #socket: WebSocket | null = null;
  #since: number | null = null;
  #tries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #pings: ReturnType<typeof setTimeout> | undefined;
  #unanswered: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(id: string, on: LiveHandlers) {
    this.#id = id;
    this.#on = on;
    document.addEventListener("visibilitychange", this.#woke);
    window.addEventListener("online", this.#woke);
    this.#open();
  }

  close(): void {
    this.#closed = true;
    document.removeEventListener("visibilitychange", this.#woke);
    window.removeEventListener("online", this.#woke);
    clearTimeout(this.#retry);
    this.#quiet();
    this.#socket?.close();
  }

  /** Asks for the service's time `n` times, a little apart. */
  ping(n = 3): void {
    clearTimeout(this.#pings);
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify({ kind: "ping", client_time_ms: performance.now() }));
    this.#unanswered ??= setTimeout(() => socket.close(), ANSWER_WITHIN_MS);
    this.#pings = n > 1
      ? setTimeout(() => this.ping(n - 1), PING_APART_MS)
      : setTimeout(() => this.ping(1), PING_EVERY_MS);
  }

  /** Tries again at once: somebody signed in. */
  resume(): void {
    if (!this.#socket && !this.#closed) this.#open();
  }

  /** Sends a command, if there is a connection; says whether there is. */
  command(command: Readonly<Record<string, unknown>>): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(command));
    return true;
  }

  readonly #woke = (): void => {
    if (document.visibilityState !== "visible" || this.#closed) return;
    if (this.#socket) this.ping(3);
    else this.#open();
  };

  #open(): void {
    clearTimeout(this.#retry);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const since = this.#since === null ? "" : `?since=${this.#since}`;
    const socket = new WebSocket(
      `${scheme}://${location.host}/api/v1/live/${encodeURIComponent(this.#id)}${since}`,
    );
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.addEventListener("open", () => {
      this.#on.connected(true);
      this.ping(PINGS_AT_FIRST);
    });
    socket.addEventListener("message", (event: MessageEvent<string | ArrayBuffer>) => {
      const receivedMs = performance.now();
      if (typeof event.data !== "string") {
        this.#on.samples(event.data);
        return;
      }
      const message = JSON.parse(event.data) as Message;
      // Not when it opens: a service that only says "later" must not be asked at once.
      this.#tries = 0;
      if (message.kind === "clock") {
        clearTimeout(this.#unanswered);
        this.#unanswered = undefined;
      } else if (message.kind !== "error") {
        this.#since = message.seq;
      }
      this.#on.message(message, receivedMs);
    });
    socket.addEventListener("close", (event) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#quiet();
      if (this.#closed) return;
      this.#on.connected(false);
      if ([1000, NO_SUCH_SESSION, NO_LONGER].includes(event.code)) {
        this.close();
        this.#on.ended(event.code);
        return;
      }
      if (event.code === SIGNED_OUT) {
        this.#on.ended(SIGNED_OUT);
        return;
      }
      this.#retry = setTimeout(() => this.#open(), pause(this.#tries++));
    });
  }

  #quiet(): void {
    clearTimeout(this.#pings);
    clearTimeout(this.#unanswered);
    this.#unanswered = undefined;
  }
}
