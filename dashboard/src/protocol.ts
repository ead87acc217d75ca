/** What travels between this page and the service: `docs/protocol.md`, typed. */

import type { PacerPart } from "./pacer.ts";
import type { PlanStep } from "./plan-walk.ts";

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
  readonly plan: string;
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

export type RatingType =
  | "pain_intensity"
  | "pain_unpleasantness"
  | "arousal"
  | "craving"
  | "self_control"
  | "mood";
export type Moment = "before" | "during" | "after";

export interface Rating {
  readonly type: RatingType;
  readonly value: number;
  readonly moment: Moment;
  readonly prompt: string;
  readonly latency_ms: number;
  readonly device: string;
}

/** In IMMPACT's words, for how strong pain is; the core decides (`practice/ratings.py`). */
export type Band = "higher" | "same" | "below_minimal" | "minimal" | "below_30" | "moderate" | "substantial";

/** One question before and after; null is not known, and never guessed. */
export interface Change {
  readonly type: RatingType;
  readonly before: number | null;
  readonly during: readonly number[];
  readonly after: number | null;
  /** After less before. */
  readonly points: number | null;
  /** For pain intensity only, and not from a baseline of 0. */
  readonly pct: number | null;
  readonly band: Band | null;
}

/** Unpleasantness less intensity. */
export interface Gap {
  readonly before: number | null;
  readonly after: number | null;
  readonly change: number | null;
}

export interface Changes {
  readonly changes: readonly Change[];
  readonly gap: Gap;
}

export interface EntryPost {
  readonly type: string;
  readonly value: number | null;
  readonly unit: string | null;
  readonly text: string | null;
  readonly at_ms?: number;
  /** The entry that this one takes back. */
  readonly corrects?: string;
}

/** The middle of a person's own practices of the week, and how far they lie apart. */
export interface Usual {
  readonly days: number;
  readonly n: number;
  readonly rsa_bpm: number | null;
  readonly spread_bpm: number | null;
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
  /** The newest message there was: what is told up to it is of before. */
  readonly last_seq: number;
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
  readonly artefact_pct: number;
  readonly hr_bpm: number | null;
  readonly rmssd_ms: number | null;
  readonly sdnn_ms: number | null;
  readonly pnn50_pct: number | null;
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
  readonly rsa_ms: number | null;
  readonly lf_peak_hz: number | null;
  readonly coherence_ratio: number | null;
  readonly phase_deg: number | null;
  readonly in_phase_pct: number | null;
  readonly suitable: boolean;
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
  /** When it was, where it was sent later than it happened. */
  readonly at_ms?: number;
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

/** A command that could not be followed, and what to do. */
export interface Refusal extends Live<"error"> {
  readonly detail: string;
  readonly advice: string | null;
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
  | Refusal;

/** A mean of `n` answers; 95 of 100 such weeks lie within. Null where not known. */
export interface Mean {
  readonly n: number;
  readonly mean: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

export interface Pair {
  readonly before: Mean;
  readonly after: Mean;
  readonly change: Mean;
}

export interface Sitting {
  readonly session: string;
  /** With the offset of the time zone it was in. */
  readonly started_at: string;
  readonly practice: string | null;
  readonly minutes: number;
  readonly simulated: boolean;
  readonly symptom: boolean;
  readonly gap_before: number | null;
  readonly gap_after: number | null;
}

export interface HistoryDay {
  readonly day: string;
  readonly sittings: readonly Sitting[];
  readonly n_pauses: number;
  readonly noted: boolean;
  readonly assessed: boolean;
}

export interface HistoryWeek {
  readonly monday: string;
  readonly minutes: number | null;
  readonly n_practices: number;
  readonly n_pauses: number;
  readonly gap: Pair;
  readonly intensity: Pair;
  readonly unpleasantness: Pair;
  readonly craving: Mean;
  readonly self_control: Mean;
  readonly peg: number | null;
}

export interface History {
  readonly today: string;
  readonly days: readonly HistoryDay[];
  readonly weeks: readonly HistoryWeek[];
  readonly gap_change: Mean;
}

/** A plan that a session can follow; one with arms tells their labels alone. */
export interface Plan {
  readonly id: string;
  readonly title: string;
  readonly version: number;
  readonly sha256: string;
  readonly description: string | null;
  readonly minutes: number;
  readonly arms: readonly string[];
  readonly steps: readonly PlanStep[] | null;
}

export interface PlanList {
  readonly plans: readonly Plan[];
  readonly unreadable: readonly { readonly name: string; readonly problem: string }[];
}

/** The plan of a session, with the steps of its own arm. */
export interface SessionPlan {
  readonly id: string;
  readonly title: string;
  readonly version: number;
  readonly sha256: string;
  readonly label: string | null;
  readonly steps: readonly PlanStep[];
}

// --- Resonance ------------------------------------------------------------------

export type AssessForm = "stepped" | "sliding";

/** One part of an assessment; `text` is what the mark of its begin says. */
export interface AssessPart {
  readonly kind: "rest" | "step" | "slide";
  readonly text: string;
  readonly begins_s: number;
  readonly lasts_s: number;
  readonly paces: readonly { readonly at_s: number; readonly rate_bpm: number }[];
}

export interface AssessPlan {
  readonly form: AssessForm;
  readonly lasts_s: number;
  readonly parts: readonly AssessPart[];
}

/** The six criteria of one pace, in order of priority. */
export interface Criteria {
  readonly synchrony: number | null;
  readonly rsa_bpm: number | null;
  readonly lf_ms2: number | null;
  readonly lf_peak_ms2_hz: number | null;
  readonly smoothness: number | null;
  readonly lf_peaks: number | null;
}

export type NotScored = "breathing_off" | "unsteady" | "artefacts" | "too_short";

export interface AssessedStep {
  readonly rate_bpm: number;
  readonly duration_s: number;
  readonly inhale_pct: number;
  readonly breath_error_bpm: number | null;
  readonly artefact_pct: number | null;
  readonly criteria: Criteria;
  readonly probability: number | null;
  readonly scored: boolean;
  readonly not_scored: NotScored | null;
}

export interface Assessment {
  readonly session_id: string;
  readonly form: AssessForm;
  readonly status: "complete" | "incomplete" | "unreliable";
  readonly date: string | null;
  readonly breathing: "measured" | "assumed";
  readonly steps: readonly AssessedStep[];
  readonly estimate: {
    readonly rate_bpm: number;
    readonly probability: number;
    readonly estimate_bpm: number;
    readonly low_bpm: number;
    readonly high_bpm: number;
    readonly at_edge: boolean;
  } | null;
}

/** What an earlier assessment found. */
export interface KeptEstimate {
  readonly session_id: string;
  readonly date: string;
  readonly simulated: boolean;
  readonly rate_bpm: number | null;
  readonly probability: number | null;
  readonly recheck: { readonly due: boolean; readonly because: "age" | "rest_rr" | null };
}

/** A guided practice: the shares of its phases; its words are in the languages. */
export interface Practice {
  readonly id: string;
  readonly skills: readonly string[];
  readonly phases: readonly {
    readonly id: string;
    readonly weight: number;
    readonly sentences: number;
    readonly pacer: boolean;
  }[];
}
