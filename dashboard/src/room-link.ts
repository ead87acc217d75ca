/** The one websocket of the room: it stays, and comes again by itself. */

import { pause } from "./again.ts";
import type { Listed, Told } from "./room-tile.ts";

const PING_EVERY_MS = 15_000;
const ANSWER_WITHIN_MS = 8_000;
const SIGN_IN_FIRST = 4401;

export type RoomMessage =
  | { readonly kind: "room"; readonly tiles: readonly Listed[] }
  | { readonly kind: "tile"; readonly session: string; readonly message: Told }
  | { readonly kind: "error"; readonly detail: string; readonly advice: string | null }
  | {
      readonly kind: "pong";
      readonly client_time_ms: number;
      /** Now on each session's own clock. */
      readonly sessions: Readonly<Record<string, number>>;
    };

export interface RoomHandlers {
  message(message: RoomMessage, receivedMs: number): void;
  connected(connected: boolean): void;
  /** Whoever is here is signed out. */
  signedOut(): void;
}

export class RoomLink {
  readonly #on: RoomHandlers;
  #socket: WebSocket | null = null;
  #tries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #pings: ReturnType<typeof setInterval> | undefined;
  #unanswered: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(on: RoomHandlers) {
    this.#on = on;
    document.addEventListener("visibilitychange", this.#woke);
    window.addEventListener("online", this.#woke);
    this.#open();
  }

  close(): void {
    this.#closed = true;
    document.removeEventListener("visibilitychange", this.#woke);
    window.removeEventListener("online", this.#woke);
    this.#quiet();
    // One that still connects is closed once it does: a browser complains otherwise.
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.close();
  }

  readonly #woke = (): void => {
    if (document.visibilityState !== "visible" || this.#closed) return;
    if (this.#socket) this.ping();
    else this.#open();
  };

  #open(): void {
    clearTimeout(this.#retry);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/room`);
    this.#socket = socket;
    socket.addEventListener("open", () => {
      if (this.#closed) {
        socket.close();
        return;
      }
      this.#on.connected(true);
      this.ping();
      this.#pings = setInterval(() => this.ping(), PING_EVERY_MS);
    });
    socket.addEventListener("message", (event: MessageEvent<string>) => {
      if (this.#closed) return;
      const receivedMs = performance.now();
      this.#tries = 0;
      clearTimeout(this.#unanswered);
      this.#unanswered = undefined;
      this.#on.message(JSON.parse(event.data) as RoomMessage, receivedMs);
    });
    socket.addEventListener("close", (event) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#quiet();
      if (this.#closed) return;
      this.#on.connected(false);
      if (event.code === SIGN_IN_FIRST) {
        this.close();
        this.#on.signedOut();
        return;
      }
      this.#retry = setTimeout(() => this.#open(), pause(this.#tries++));
    });
  }

  /** Asks for the time of all sessions. */
  ping(): void {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify({ kind: "ping", client_time_ms: performance.now() }));
    this.#unanswered ??= setTimeout(() => socket.close(), ANSWER_WITHIN_MS);
  }

  #quiet(): void {
    clearTimeout(this.#retry);
    clearInterval(this.#pings);
    clearTimeout(this.#unanswered);
    this.#unanswered = undefined;
  }
}
