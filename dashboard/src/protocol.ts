/** What travels between this page and the service: `docs/protocol.md`, typed. */

import type { PacerPart } from "./pacer.ts";

export interface Strap {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly rssi_dbm: number | null;
  readonly profile: string;
  readonly simulated: boolean;
  /** A sentence about it, such as that another program holds it. */
  readonly hint: string | null;
}

export interface StrapList {
  readonly straps: readonly Strap[];
  readonly radio: {
    readonly available: boolean;
    readonly reason: string | null;
    readonly advice: string | null;
  };
  readonly preferred: string | null;
}

export type SessionState = "live" | "closing" | "complete" | "recovered" | "failed";

export interface Session {
  readonly id: string;
  readonly state: SessionState;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly source: "strap" | "simulated" | "replay" | "imported";
  readonly simulated: boolean;
  readonly strap_name: string;
  readonly replay_of: string | null;
  readonly speed: number | null;
  readonly summary_ready: boolean;
  /** What a crash or a full disk took, in a sentence. */
  readonly loss: string | null;
  /** What is asked of the strap beside its heart rate. */
  readonly signals: readonly Ask[];
}

export type RatingType = "pain_intensity" | "pain_unpleasantness" | "arousal";
export type Moment = "before" | "during" | "after";

export interface Rating {
  readonly type: RatingType;
  readonly value: number;
  readonly moment: Moment;
  readonly prompt: string;
  readonly latency_ms: number;
  readonly device: string;
}

export interface EntryPost {
  readonly type: string;
  readonly value: number | null;
  readonly unit: string | null;
  readonly text: string | null;
}

/** The parts of a summary that this page puts into words. */
export interface Summary {
  readonly duration_s: number | null;
  readonly coverage: number | null;
}

export interface Problem {
  readonly status: number;
  readonly detail: string;
  readonly reason: string | null;
  readonly advice: string | null;
}

interface Live<K extends string> {
  readonly kind: K;
  readonly seq: number;
  readonly t_ms: number;
}

export interface Hello extends Live<"hello"> {
  readonly session: Session | string;
}

export type LinkStateName =
  | "searching"
  | "connecting"
  | "streaming"
  | "contact_lost"
  | "stale"
  | "reconnecting"
  | "ended";

/** What a driver does with the strap now. */
export type Step =
  | "idle"
  | "scanning"
  | "connecting"
  | "discovering"
  | "subscribing"
  | "streaming"
  | "stale"
  | "lost"
  | "backoff";

/** The reasons that this page gives itself; there are more. */
export type Reason =
  | "not_found"
  | "timeout"
  | "permission"
  | "link_lost"
  | "no_heart_rate"
  | "no_data"
  | "stopped"
  | "internal";

/** What a strap can send beside its heart rate; this page draws these. */
export type SignalName = "ecg" | "acc";

export interface Ask {
  readonly signal: string;
  readonly rate_hz: number | null;
}

export interface Link extends Live<"link"> {
  readonly state: LinkStateName;
  readonly step: Step | null;
  readonly reason: string | null;
  readonly advice: string | null;
  readonly strap: { readonly name: string; readonly signals: readonly string[] } | null;
}

export interface Signals extends Live<"signals"> {
  readonly signals: readonly Ask[];
}

export interface Heart extends Live<"heart"> {
  readonly hr_bpm: number | null;
  readonly contact: boolean | null;
}

export interface Beat extends Live<"beat"> {
  readonly index: number;
  readonly segment: number;
  readonly rr_ms: number;
  readonly label: BeatLabel;
  readonly nn_ms: number | null;
  /** Whether it may be told again, judged otherwise. */
  readonly provisional: boolean;
}

export type BeatLabel = "normal" | "artefact" | "ectopic" | "missed" | "extra" | "long_short";

export interface WindowMetrics {
  readonly coverage: number;
  readonly hr_bpm: number | null;
  readonly rmssd_ms: number | null;
}

export type ActivationBand = "lower" | "usual" | "higher";

/** Against the person's own baseline of the day; `low` to `high` is the 90 % interval. */
export interface Activation {
  readonly band: ActivationBand;
  readonly low: number;
  readonly high: number;
  readonly confidence: number;
  readonly baseline_s: number;
}

export interface Breathing {
  readonly breaths_per_min: number;
  readonly confidence: number;
  readonly source: "acc" | "rr";
}

export interface Metrics extends Live<"metrics"> {
  readonly window_s: Readonly<Record<"30" | "60" | "300", WindowMetrics>>;
  readonly rsa_bpm: number | null;
  readonly phase_deg: number | null;
  readonly breathing: Breathing | null;
  readonly followed: boolean | null;
  readonly activation: Activation | null;
  /** Why there is no estimate, as a sentence. */
  readonly activation_reason: string | null;
  readonly reason: string | null;
}

export interface Pacer extends Live<"pacer">, PacerPart {}

export interface Entry extends Live<"event"> {
  readonly id: string;
  readonly type: string;
  readonly by: string;
  readonly value: number | null;
  readonly unit: string | null;
  readonly text: string | null;
  readonly moment: string | null;
}

export interface Clock extends Live<"clock"> {
  readonly client_time_ms: number;
  readonly session_ms: number;
}

/** How a replay stands; after `jumped` what is on screen is of another time. */
export interface Replay extends Live<"replay"> {
  readonly state: "playing" | "paused" | "ended";
  readonly speed: number;
  readonly position_ms: number;
  readonly duration_ms: number;
  readonly loop: { readonly from_ms: number; readonly to_ms: number } | null;
  readonly jumped: boolean;
}

export type Message =
  | Hello
  | Link
  | Heart
  | Beat
  | Metrics
  | Pacer
  | Signals
  | Entry
  | Clock
  | Replay
  | Live<"restated">
  | Live<"referee">
  | Live<"gap">
  | Live<"error">;
