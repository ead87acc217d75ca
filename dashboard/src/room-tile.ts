/**
 * What one tile of the room knows of its session, from the messages that reached it.
 * Nothing waits or draws in here: the time on this computer is always an argument
 * (milliseconds, from `performance.now()`).
 */

import type { Beat, Entry, Heart, Link, Metrics, RatingType } from "./protocol.ts";
import { BeatRing } from "./ring.ts";
import { freed } from "./room-paced.ts";

export const STREAMS = ["heart", "breathing", "ratings", "notes"] as const;
export type Stream = (typeof STREAMS)[number];

/** What is usual for this person, from their own practices of the week. */
export interface Band {
  readonly n: number;
  readonly rsa_bpm: number | null;
  readonly spread_bpm: number | null;
}

/** A session in the list of the room: `docs/protocol.md`. */
export interface Listed {
  readonly session: string;
  readonly person: string;
  readonly alias: string;
  readonly streams: readonly Stream[];
  readonly sharing: "on" | "paused";
  readonly started_at: string;
  readonly simulated: boolean;
  readonly usual: Band | null;
  readonly hand: boolean;
}

/** The numbers of one second; what is not shared is not in them. */
export type Shared = Partial<Metrics> & Pick<Metrics, "kind" | "t_ms">;

/** A message of the session's own, as the room passes it on. */
export type Told =
  | Link
  | Heart
  | Beat
  | Shared
  | Entry
  | { readonly kind: "pacer" | "gap" | "restated" | "referee"; readonly t_ms: number };

/** How the data stand, from a strap that is looked for to a beat that was just heard. */
export type Standing =
  | "unknown"
  | "searching"
  | "connecting"
  | "services"
  | "waiting"
  | "streaming"
  | "contact_lost"
  | "stale"
  | "reconnecting"
  | "silent"
  | "ended"
  | "paused"
  | "withheld";

/** What asks for a look, in the order of the room: the data first, then a raised hand. */
export type Need = "data" | "hand" | "none";

export interface LastRating {
  readonly type: RatingType;
  readonly value: number;
  readonly agoMs: number;
}

/** A tile as it is shown at one instant; null is not known or not shared. */
export interface TileView {
  readonly listed: Listed;
  readonly standing: Standing;
  readonly sinceBeatS: number | null;
  readonly hrBpm: number | null;
  readonly rsaBpm: number | null;
  readonly inPhasePct: number | null;
  readonly artefactPct: number | null;
  readonly rating: LastRating | null;
  /** Whether no rating can have been missed: none is held back now, and none was. */
  readonly allRatings: boolean;
  /** Whether the person breathes by no pace now. */
  readonly own: boolean;
  readonly hand: boolean;
  readonly need: Need;
}

/** The service speaks of a session once a second: after this silence its word is old. */
export const SILENT_MS = 6_000;
/** No beat for so long is too long for any heart that is listened to. */
export const STALE_MS = 6_000;
/** As the core has it: more than one beat in twenty unclear, and no estimate is made. */
export const MANY_ARTEFACTS_PCT = 5;
/** As in the report: of fewer practices nothing is usual. */
export const ENOUGH_PRACTICES = 3;

const RATINGS: ReadonlySet<string> = new Set<RatingType>([
  "pain_intensity",
  "pain_unpleasantness",
  "arousal",
  "craving",
  "self_control",
  "mood",
]);

const troubled: ReadonlySet<Standing> = new Set<Standing>([
  "unknown",
  "searching",
  "connecting",
  "services",
  "waiting",
  "contact_lost",
  "stale",
  "reconnecting",
  "silent",
]);

export function isRating(type: string): type is RatingType {
  return RATINGS.has(type);
}

export class Tile {
  readonly beats = new BeatRing(256);
  listed: Listed;
  link: Link | null = null;
  heart: Heart | null = null;
  metrics: Shared | null = null;
  hand: boolean;
  /** How many beats came, and how often one was judged anew: the sweep draws by these. */
  nBeats = 0;
  nJudged = 0;
  #lastIndex = -1;
  #lastBeatMs = -Infinity;
  /** When the strap began to stream, on the session's clock. */
  #streamsMs = Infinity;
  #rating: { readonly type: RatingType; readonly value: number; readonly t_ms: number } | null = null;
  #allRatings = true;
  #own = false;
  #heardMs = -Infinity;
  /** How far the session has been told, on its own clock. */
  #toldMs = -Infinity;
  /** This computer's clock less the session's, by the message with the shortest way. */
  #aheadMs = Infinity;

  constructor(listed: Listed) {
    this.listed = listed;
    this.hand = listed.hand;
    this.#withhold();
  }

  list(listed: Listed): void {
    this.listed = listed;
    this.hand = listed.hand;
    this.#withhold();
  }

  /** What may not be seen any more is not kept either. */
  #withhold(): void {
    const { sharing, streams } = this.listed;
    const paused = sharing === "paused";
    if (paused || !streams.includes("heart")) this.#forgetHeart();
    if (paused || !streams.includes("ratings")) {
      this.#rating = null;
      this.#allRatings = false;
    }
  }

  /** A new connection tells from the start again, and may be to a restarted service. */
  again(): void {
    this.#aheadMs = Infinity;
    this.#heardMs = -Infinity;
  }

  /** What the session's clock showed at the local time `atMs`, as the service says. */
  clock(sessionMs: number, atMs: number): void {
    this.#aheadMs = atMs - sessionMs;
  }

  take(message: Told, receivedMs: number): void {
    this.#heardMs = receivedMs;
    this.#toldMs = Math.max(this.#toldMs, message.t_ms);
    this.#aheadMs = Math.min(this.#aheadMs, receivedMs - message.t_ms);
    switch (message.kind) {
      case "link":
        if (message.state !== "streaming") this.#streamsMs = Infinity;
        else if (this.link?.state !== "streaming") this.#streamsMs = message.t_ms;
        this.link = message;
        return;
      case "heart":
        this.heart = message;
        return;
      case "metrics":
        this.metrics = message;
        return;
      case "beat":
        this.#beat(message);
        return;
      case "event":
        this.#entry(message);
        return;
    }
  }

  /** Now on the session's clock, or null while nothing has been heard of it. */
  nowMs(localMs: number): number | null {
    return this.#aheadMs === Infinity ? null : localMs - this.#aheadMs;
  }

  view(localMs: number): TileView {
    const nowMs = this.nowMs(localMs);
    const { listed, metrics } = this;
    const open = listed.sharing === "on";
    const standing = this.#standing(localMs, nowMs);
    const heard = open && listed.streams.includes("heart");
    const breathing = open && listed.streams.includes("breathing");
    const own = breathing && this.#own;
    const sinceBeatMs = nowMs === null ? Infinity : nowMs - this.#lastBeatMs;
    const rating = this.#rating;
    const artefactPct = heard ? (metrics?.window_s?.["60"].artefact_pct ?? null) : null;
    const hand = this.hand;
    return {
      listed,
      standing,
      sinceBeatS: heard && Number.isFinite(sinceBeatMs) ? Math.max(0, Math.floor(sinceBeatMs / 1000)) : null,
      hrBpm: heard ? (this.heart?.hr_bpm ?? null) : null,
      rsaBpm: heard ? (metrics?.rsa_bpm ?? null) : null,
      inPhasePct: breathing && !own ? (metrics?.in_phase_pct ?? null) : null,
      artefactPct,
      rating:
        open && rating && nowMs !== null ? { type: rating.type, value: rating.value, agoMs: nowMs - rating.t_ms } : null,
      allRatings: this.#allRatings,
      own,
      hand,
      need: needOf(standing, artefactPct, hand),
    };
  }

  #standing(localMs: number, nowMs: number | null): Standing {
    const { listed, link } = this;
    if (listed.sharing === "paused") return "paused";
    if (!listed.streams.includes("heart")) return "withheld";
    if (this.#heardMs > -Infinity && localMs - this.#heardMs > SILENT_MS) return "silent";
    if (!link || nowMs === null) return "unknown";
    if (link.state === "connecting") {
      return link.step === "discovering" || link.step === "subscribing" ? "services" : "connecting";
    }
    if (link.state !== "streaming") return link.state;
    if (this.#lastBeatMs < this.#streamsMs) return "waiting";
    // By what has been told: while the past is still being told nothing is missing.
    return this.#toldMs - this.#lastBeatMs > STALE_MS ? "stale" : "streaming";
  }

  #beat(beat: Beat): void {
    this.beats.push(beat);
    if (beat.index <= this.#lastIndex) {
      this.nJudged++;
      return;
    }
    this.#lastIndex = beat.index;
    this.#lastBeatMs = Math.max(this.#lastBeatMs, beat.t_ms);
    this.nBeats++;
  }

  #entry(entry: Entry): void {
    this.#own = freed(entry) ?? this.#own;
    if (entry.type === "hand") this.hand = entry.text === "up";
    else if (isRating(entry.type) && entry.value !== null) {
      this.#rating = { type: entry.type, value: entry.value, t_ms: entry.at_ms ?? entry.t_ms };
    }
  }

  #forgetHeart(): void {
    this.beats.clear();
    this.nJudged++;
    this.heart = null;
    this.metrics = null;
  }
}

function needOf(standing: Standing, artefactPct: number | null, hand: boolean): Need {
  if (troubled.has(standing) || (artefactPct ?? 0) > MANY_ARTEFACTS_PCT) return "data";
  return hand ? "hand" : "none";
}

/** What is usual for this person, in beats a minute; null after too few practices. */
export function usualOf(band: Band | null): { readonly middle: number; readonly spread: number } | null {
  if (band === null || band.rsa_bpm === null || band.n < ENOUGH_PRACTICES) return null;
  return { middle: band.rsa_bpm, spread: band.spread_bpm ?? 0 };
}

/** Where this person's own usual lies on the bar, in shares of its length. */
export interface Amplitude {
  readonly now: number;
  readonly low: number;
  readonly high: number;
}

/**
 * The bar of an amplitude: its middle is what is usual for this very person. Null
 * without an own usual; nobody is measured against another.
 */
export function amplitude(rsaBpm: number | null, band: Band | null): Amplitude | null {
  const usual = usualOf(band);
  if (rsaBpm === null || usual === null || usual.middle <= 0) return null;
  const { middle, spread } = usual;
  const share = (bpm: number): number => Math.min(Math.max(bpm / (2 * middle), 0), 1);
  return { now: share(rsaBpm), low: share(middle - spread), high: share(middle + spread) };
}
