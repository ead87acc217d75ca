/** One session beside the grid: its curve, its numbers, and what can be done together. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { timeWords, words } from "../copy-room.ts";
import { Feed } from "../feed.ts";
import { follow, Part } from "../part.ts";
import type { Refusal, Session } from "../protocol.ts";
import { ownBreaths, paceNow, type Stretch, within } from "../room-paced.ts";
import type { Listed, Tile, TileView } from "../room-tile.ts";
import { stateWords, withheldWords } from "../room-words.ts";
import { whenWords } from "../words.ts";
import { HeartWave } from "./heart-wave.ts";
import "./room-events.ts";
import "./room-marks.ts";
import "./room-notes.ts";
import { type Breath, roomNumbers } from "./room-numbers.ts";
import "./room-pace.ts";
import "./room-say.ts";

/** A refusal goes again once it was read. */
const REFUSED_MS = 8_000;
const SPAN = { pastMs: 120_000, aheadMs: 6_000 };

export class RoomDetail extends Part {
  static override properties = {
    session: {},
    curves: { attribute: false },
    tile: { attribute: false },
    view: { attribute: false },
    refused: { state: true },
  };
  declare session: string;
  declare curves: boolean;
  /** Null once it is not shared any more. */
  declare tile: Tile | null;
  declare view: TileView | null;
  /** Why the service did not do what was asked last. */
  declare refused: string;
  #feed: Feed | null = null;
  #unfollow: (() => void) | null = null;
  #wave: HeartWave | null = null;
  /** When the person breathed by no pace. */
  #own: readonly Stretch[] = [];
  /** Whom the page was about, for the word that it is over. */
  #last: Listed | null = null;
  /** The socket said that nothing more comes, whatever the list still says. */
  #over = false;
  #forgets: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.refused = "";
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#close();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const listed = this.tile?.listed ?? null;
    if (changed.has("session")) {
      this.#close();
      this.#last = null;
    }
    this.#last = listed ?? this.#last;
    // Shared anew it is watched anew.
    if (changed.has("session") || !listed) this.#over = false;
    // What is not shared any more does not stay on the page either.
    if (!listed || this.#over) this.#close();
    else if (!this.#feed) this.#open(listed);
    this.#own = ownBreaths(this.#feed?.entries ?? []);
  }

  #open(listed: Listed): void {
    const feed = new Feed(asSession(listed));
    this.#feed = feed;
    this.refused = "";
    feed.addEventListener("refused", (event) => this.#refuse((event as CustomEvent<Refusal>).detail));
    this.#unfollow = follow(feed, () => {
      if (feed.over) this.#over = true;
      this.requestUpdate();
    });
  }

  #refuse({ detail, advice }: Refusal): void {
    this.refused = [detail, advice].filter((one) => one).join(" ");
    clearTimeout(this.#forgets);
    this.#forgets = setTimeout(() => (this.refused = ""), REFUSED_MS);
  }

  #close(): void {
    this.#unfollow?.();
    this.#feed?.close();
    this.#wave?.end();
    this.#unfollow = this.#feed = this.#wave = null;
  }

  protected override updated(): void {
    const canvas = this.querySelector<HTMLCanvasElement>(".room-trace canvas");
    const feed = this.#feed;
    if (!canvas || !feed || !this.curves) {
      this.#wave?.end();
      this.#wave = null;
    } else
      this.#wave ??= new HeartWave(
        canvas,
        () => this.#feed ?? feed,
        () => SPAN,
        { paced: (tMs) => !within(this.#own, tMs) },
      );
  }

  protected override render(): TemplateResult {
    const d = words.detail;
    const { view } = this;
    const feed = this.#feed;
    const back = html`<a class="link back" href="#room" data-testid="detail-back">${d.back}</a>`;
    if (!view || !feed) {
      return html`<article class="room-detail" data-testid="detail-gone">
        ${back}
        <h1 tabindex="-1">${d.gone(this.#last?.alias ?? "")}</h1>
        <p class="lead">${d.goneLong}</p>
      </article>`;
    }
    const { listed } = view;
    const paused = listed.sharing === "paused";
    const r = words.room;
    const nowMs = feed.nowMs() ?? 0;
    const breath: Breath = within(this.#own, nowMs) ? "own" : paceNow(feed.schedule, nowMs);
    const withheld = withheldWords(listed);
    return html`<article class="room-detail" data-testid="detail" data-session=${listed.session}>
      <div class="detail-head">
        ${back}
        <h1 tabindex="-1">${listed.alias}</h1>
        ${view.hand ? html`<span class="chip hand">${r.hand}</span>` : nothing}
        ${listed.simulated ? html`<span class="chip plain-chip">${r.simulated}</span>` : nothing}
        <p class="detail-state" data-testid="detail-state" data-standing=${view.standing}>${stateWords(view)}</p>
        <p class="quiet">
          ${d.began(whenWords(listed.started_at))} · ${timeWords(nowMs)} · ${r.behind}
        </p>
        ${withheld ? html`<p class="quiet" data-testid="detail-withheld">${withheld}</p>` : nothing}
      </div>
      ${paused ? html`<p class="notice" data-testid="detail-paused">${d.paused}</p>` : nothing}
      <div class="notice-place" role="status">
        ${this.refused ? html`<p class="notice" data-testid="detail-refused">${this.refused}</p>` : nothing}
      </div>
      <div class="detail-columns">
        <figure class="trace room-trace" ?hidden=${paused || !this.curves}>
          <canvas aria-hidden="true"></canvas>
          ${this.#scale()}
          <figcaption class="quiet">
            ${d.trace}${breath !== null && listed.streams.includes("breathing")
              ? html`, ${breath === "own" ? r.own.toLowerCase() : d.traceBreath}`
              : nothing}
          </figcaption>
        </figure>
        <div class="detail-together">
          <bf-room-marks .feed=${feed}></bf-room-marks>
          <bf-room-pace
            .feed=${feed}
            .entries=${feed.entries}
            .tick=${Math.floor(nowMs / 1000)}
          ></bf-room-pace>
          <bf-room-say .feed=${feed} .entries=${feed.entries}></bf-room-say>
          <bf-room-notes person=${listed.person} session=${listed.session}></bf-room-notes>
          <section class="panel">
            <h2>${d.links}</h2>
            <a class="button slim" href=${`#people/${encodeURIComponent(listed.person)}`}>${d.report}</a>
          </section>
        </div>
        <div class="detail-told">
          ${paused
            ? nothing
            : html`${roomNumbers(feed.metrics, listed, breath)}
                <bf-room-events .entries=${feed.entries}></bf-room-events>`}
        </div>
      </div>
    </article>`;
  }

  /** The curve's own heart rates, from the top to the foot. */
  #scale(): TemplateResult | typeof nothing {
    const range = this.#wave?.range;
    if (!range) return nothing;
    const [low, high] = range;
    return html`<span class="trace-scale" aria-hidden="true" data-testid="trace-scale"
      >${[high, (low + high) / 2, low].map((bpm) => html`<span>${bpm.toFixed(0)}</span>`)}</span
    >`;
  }
}
customElements.define("bf-room-detail", RoomDetail);

/** What the feed must know of a session; the list of the room tells no more. */
function asSession(listed: Listed): Session {
  return {
    id: listed.session,
    state: "live",
    started_at: listed.started_at,
    ended_at: null,
    plan: "practice",
    source: listed.simulated ? "simulated" : "strap",
    simulated: listed.simulated,
    strap_name: "",
    replay_of: null,
    speed: null,
    summary_ready: false,
    loss: null,
    signals: [],
  };
}
