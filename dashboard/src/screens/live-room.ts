/**
 * The room: a tile for each session that is shared now, fed by one websocket, and one
 * of them in detail beside the grid. Nothing blinks, sounds or ranks.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { newsWords, words } from "../copy-room.ts";
import { Part } from "../part.ts";
import "../parts/room-detail.ts";
import { KeysDialog } from "../parts/room-keys-dialog.ts";
import { staffNav } from "../parts/staff-nav.ts";
import { tileView } from "../parts/room-tile-view.ts";
import { isField, readKeys } from "../room-keys.ts";
import { RoomLink, type RoomMessage } from "../room-link.ts";
import { news } from "../room-news.ts";
import { Order, stepTo } from "../room-order.ts";
import { type Listed, Tile, type TileView } from "../room-tile.ts";
import { summaryWords } from "../room-words.ts";
import { go } from "../router.ts";
import { type Place, Sweeps } from "../sweep.ts";
import { ApiProblem } from "../api.ts";

const LOOK_EVERY_MS = 500;
const SPAN_MS = 60_000;
/** Whoever listens is told no more often than this, and then of all that happened. */
const SAY_EVERY_MS = 5_000;
/** A connection that drops for less than this is not worth a word. */
const LOST_AFTER_MS = 1_500;

export class LiveRoom extends Part {
  static override properties = {
    session: {},
    order: { state: true },
    views: { state: true },
    lost: { state: true },
    said: { state: true },
    reached: { state: true },
    listed: { state: true },
    curves: { state: true },
  };
  /** The session in detail; empty for the grid alone. */
  declare session: string;
  declare order: readonly string[];
  declare views: readonly TileView[];
  declare lost: boolean;
  declare said: string;
  /** The tile that Tab leads to. */
  declare reached: string;
  /** Whether the list has come at all. */
  declare listed: boolean;
  /** Whether what moves is shown (WCAG 2.2.2). */
  declare curves: boolean;
  readonly #tiles = new Map<string, Tile>();
  readonly #order = new Order();
  readonly #sweeps = new Sweeps();
  #link: RoomLink | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #lostAtMs: number | null = null;
  #pointed = false;
  #begun = false;
  /** Whether somebody has gone to a tile. */
  #gone = false;
  #unsaid: string[] = [];
  #saidMs = -Infinity;

  constructor() {
    super();
    this.session = "";
    this.order = [];
    this.views = [];
    this.lost = false;
    this.said = "";
    this.reached = "";
    this.listed = false;
    this.curves = true;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("keydown", this.#key);
    this.#link = new RoomLink({
      message: (message, receivedMs) => this.#take(message, receivedMs),
      connected: (connected) => {
        this.#lostAtMs = connected ? null : performance.now();
        if (connected) for (const tile of this.#tiles.values()) tile.again();
      },
      signedOut: () =>
        this.tell("problem", new ApiProblem({ status: 401, detail: "", reason: null, advice: null })),
    });
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#sweeps.begin();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("keydown", this.#key);
    clearInterval(this.#timer);
    this.#link?.close();
    this.#sweeps.end();
  }

  #take(message: RoomMessage, receivedMs: number): void {
    switch (message.kind) {
      case "room":
        this.#list(message.tiles);
        return;
      case "tile":
        this.#tiles.get(message.session)?.take(message.message, receivedMs);
        return;
      case "pong": {
        const atMs = (message.client_time_ms + receivedMs) / 2;
        for (const [id, sessionMs] of Object.entries(message.sessions)) this.#tiles.get(id)?.clock(sessionMs, atMs);
        return;
      }
      case "error":
        return;
    }
  }

  /** The whole list: who is not in it is gone at once, with all that was known. */
  #list(all: readonly Listed[]): void {
    const there = new Set(all.map((one) => one.session));
    for (const id of this.#tiles.keys()) if (!there.has(id)) this.#tiles.delete(id);
    let fresh = false;
    for (const one of all) {
      const known = this.#tiles.get(one.session);
      if (known) known.list(one);
      else {
        this.#tiles.set(one.session, new Tile(one));
        fresh = true;
      }
    }
    if (fresh) this.#link?.ping();
    this.listed = true;
    this.#look();
  }

  #look(): void {
    const nowMs = performance.now();
    this.lost = this.#lostAtMs !== null && nowMs - this.#lostAtMs > LOST_AFTER_MS;
    const views = [...this.#tiles.values()].map((tile) => tile.view(nowMs));
    // The first list is no news: whoever comes here hears the heading and the summary.
    if (this.#begun && this.#lostAtMs === null) this.#unsaid.push(...news(this.views, views).map(newsWords));
    if (this.#unsaid.length > 0 && nowMs - this.#saidMs >= SAY_EVERY_MS) {
      this.said = this.#unsaid.splice(0).slice(-3).join(" ");
      this.#saidMs = nowMs;
    }
    this.#begun = this.listed;
    this.views = views;
    this.order = this.#order.arrange(views, nowMs, this.#held || this.#lostAtMs !== null);
    // The first one, until somebody has gone to another.
    if (!this.#gone || !this.#tiles.has(this.reached)) this.reached = this.order[0] ?? "";
  }

  /** Whoever points at a tile or stands on it finds it where it is. */
  get #held(): boolean {
    return this.#pointed || this.querySelector(".tiles")?.contains(document.activeElement) === true;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("session") && this.session) {
      this.reached = this.session;
      this.#gone = true;
    }
  }

  protected override updated(changed: PropertyValues<this>): void {
    const places = new Map<string, Place>();
    for (const tile of this.querySelectorAll<HTMLElement>(".tile")) {
      const canvas = tile.querySelector("canvas");
      const of = this.#tiles.get(tile.dataset["session"] ?? "");
      if (canvas && of) places.set(of.listed.session, { canvas, of, spanMs: SPAN_MS });
    }
    this.#sweeps.keep(this.curves ? places : new Map());
    // Back from a session: to its tile, after the page has put the focus on the heading.
    if (changed.has("session") && changed.get("session") && !this.session) {
      requestAnimationFrame(() => requestAnimationFrame(() => this.#focus(this.reached)));
    }
  }

  #focus(session: string): void {
    this.querySelector<HTMLElement>(`.tile[data-session="${CSS.escape(session)}"]`)?.focus();
  }

  readonly #key = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement | null;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const tile = target?.closest<HTMLElement>(".tile");
    if (tile && this.contains(tile)) {
      const at = this.order.indexOf(tile.dataset["session"] ?? "");
      const to = stepTo(event.key, at, this.order.length, this.#columns());
      if (to !== at) {
        event.preventDefault();
        this.reached = this.order[to] ?? this.reached;
        this.#focus(this.reached);
        return;
      }
    }
    // Out of a field first: what is half written there must not go with a slip.
    if (event.key === "Escape" && isField(target)) target?.blur();
    else if (event.key === "Escape" && this.session) go("room");
    else if (event.key === "?" && readKeys().on && !isField(target)) this.#keys();
  };

  /** How many tiles stand in a row, as the page lays them out. */
  #columns(): number {
    const tops = [...this.querySelectorAll<HTMLElement>(".tiles > li")].map((li) => li.offsetTop);
    const next = tops.findIndex((top) => top !== tops[0]);
    return next > 0 ? next : tops.length;
  }

  #keys(): void {
    this.querySelector<KeysDialog>("bf-room-keys")?.show();
  }

  protected override render(): TemplateResult {
    const r = words.room;
    const open = this.session !== "";
    const tile = this.#tiles.get(this.session);
    const { title } = r;
    return html`<section class="screen room" data-open=${open} data-density=${density(this.order.length, open)} data-curves=${this.curves ? "on" : "off"}>
      <div class="room-head">
        ${staffNav("room")}
        ${open ? html`<h2 class="sr-only">${title}</h2>` : html`<h1 class="sr-only" tabindex="-1">${title}</h1>`}
        <p class="quiet room-summary" data-testid="room-summary">
          ${this.views.length > 0 ? summaryWords(this.views) : nothing}
        </p>
        <button class="button slim" type="button" data-testid="curves" @click=${() => (this.curves = !this.curves)}>
          ${this.curves ? r.hideCurves : r.showCurves}
        </button>
        <button class="button slim keys-button" type="button" data-testid="keys" @click=${() => this.#keys()}>${r.keys}</button>
      </div>
      <p class="sr-only" role="status" data-testid="room-said">${this.said}</p>
      <div class="notice-place" role="status">
        ${this.lost ? html`<p class="notice" data-testid="room-lost">${r.lost}</p>` : nothing}
      </div>
      <div class="room-body">
        ${this.listed ? this.#grid(open) : nothing}
        ${open && this.listed
          ? html`<bf-room-detail session=${this.session} .curves=${this.curves} .tile=${tile ?? null} .view=${this.views.find(
              (view) => view.listed.session === this.session,
            ) ?? null}></bf-room-detail>`
          : nothing}
      </div>
      <bf-room-keys></bf-room-keys>
    </section>`;
  }

  #grid(open: boolean): TemplateResult {
    const r = words.room;
    if (this.order.length === 0) return open ? html`${nothing}` : empty();
    const byId = new Map(this.views.map((view) => [view.listed.session, view]));
    return html`<div class="room-grid">
      <ul
        class="tiles"
        aria-label=${r.tiles}
        @pointerenter=${(event: PointerEvent) => (this.#pointed = event.pointerType === "mouse")}
        @pointerleave=${() => (this.#pointed = false)}
        @focusin=${(event: FocusEvent) => this.#stood(event)}
      >
        ${repeat(
          this.order.filter((id) => byId.has(id)),
          (id) => id,
          (id) =>
            tileView({
              view: byId.get(id) as TileView,
              range: this.#sweeps.get(id)?.range ?? null,
              spanS: SPAN_MS / 1000,
              open: id === this.session,
              reached: id === this.reached,
            }),
        )}
      </ul>
      <p class="quiet room-order">${r.order} ${r.behindLong}</p>
    </div>`;
  }

  #stood(event: FocusEvent): void {
    const tile = (event.target as HTMLElement).closest<HTMLElement>(".tile");
    if (!tile) return;
    this.reached = tile.dataset["session"] ?? this.reached;
    this.#gone = true;
  }
}
customElements.define("bf-live-room", LiveRoom);

function empty(): TemplateResult {
  const r = words.room;
  return html`<div class="room-empty" data-testid="room-empty">
    <p class="lead">${r.empty}</p>
    <ol>
      ${r.emptySteps.map((step) => html`<li>${step}</li>`)}
    </ol>
    <a class="button" href="#people">${r.emptyPeople}</a>
  </div>`;
}

/** How much room a tile gets: few are large, many are small. */
function density(n: number, open: boolean): string {
  if (open) return "beside";
  return n <= 2 ? "few" : n <= 9 ? "some" : "many";
}
