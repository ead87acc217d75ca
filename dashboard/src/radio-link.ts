/**
 * The websocket of a browser that is the radio. What it could not send waits, and goes
 * up when the service is back: nothing is missing then, and nothing is there twice.
 */

import { pause } from "./again.ts";
import { Backlog, encode, type Item } from "./backlog.ts";
import type { LinkTold, Sender } from "./browser-strap.ts";

/** Each message is answered; a silence this long means that the connection is dead. */
const ANSWER_WITHIN_MS = 8_000;
/** 1000: the session ended. The others: it is not there, not ours, or elsewhere. */
const FINAL = [1000, 4401, 4404, 4409, 4410];

export class RadioLink {
  readonly #id: string;
  readonly #over: (code: number) => void;
  readonly #stream = crypto.randomUUID();
  readonly #backlog = new Backlog();
  #socket: WebSocket | null = null;
  #ready = false;
  #tries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #unanswered: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(id: string, over: (code: number) => void) {
    this.#id = id;
    this.#over = over;
    window.addEventListener("online", this.#woke);
    document.addEventListener("visibilitychange", this.#woke);
    this.#open();
  }

  heard(from: Sender, data: Uint8Array, atMs: number): void {
    this.#send(this.#backlog.heard(from, data, atMs));
  }

  told(link: LinkTold): void {
    this.#send(this.#backlog.told(link, performance.now()));
  }

  close(): void {
    this.#closed = true;
    window.removeEventListener("online", this.#woke);
    document.removeEventListener("visibilitychange", this.#woke);
    clearTimeout(this.#retry);
    clearTimeout(this.#unanswered);
    this.#socket?.close();
  }

  readonly #woke = (): void => {
    if (!this.#socket && !this.#closed) this.#open();
  };

  #send(item: Item): void {
    const socket = this.#socket;
    if (!socket || !this.#ready || socket.readyState !== WebSocket.OPEN) return;
    socket.send(encode(item, performance.now()));
    this.#expectAnswer(socket);
  }

  #expectAnswer(socket: WebSocket): void {
    this.#unanswered ??= setTimeout(() => this.#lost(socket, 1006), ANSWER_WITHIN_MS);
  }

  #open(): void {
    clearTimeout(this.#retry);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(
      `${scheme}://${location.host}/api/v1/radio/${encodeURIComponent(this.#id)}`,
    );
    this.#socket = socket;
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ kind: "begin", stream: this.#stream }));
      this.#expectAnswer(socket);
    });
    socket.addEventListener("message", (event: MessageEvent<string>) => {
      if (this.#socket === socket) this.#take(event.data);
    });
    socket.addEventListener("close", (event) => this.#lost(socket, event.code));
  }

  #take(text: string): void {
    const message = JSON.parse(text) as { kind: string; n?: number; detail?: string };
    clearTimeout(this.#unanswered);
    this.#unanswered = undefined;
    if (message.kind === "error") console.error(message.detail);
    if (message.n === undefined) return;
    this.#backlog.have(message.n);
    if (message.kind === "resume") {
      this.#tries = 0;
      this.#ready = true;
      for (const item of this.#backlog.waiting) this.#send(item);
    }
  }

  #lost(socket: WebSocket, code: number): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    this.#ready = false;
    clearTimeout(this.#unanswered);
    this.#unanswered = undefined;
    socket.close();
    if (this.#closed) return;
    if (FINAL.includes(code)) {
      this.close();
      this.#over(code);
      return;
    }
    this.#retry = setTimeout(() => this.#open(), pause(this.#tries++));
  }
}
