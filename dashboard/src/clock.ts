/**
 * The session's clock, learned from `ping` and `clock` messages. Pure: the time on
 * this computer is always an argument (milliseconds, from `performance.now()`).
 */

/** One ping: when it left, when its answer came, and the session's time in it. */
export interface ClockSample {
  readonly sent_ms: number;
  readonly received_ms: number;
  readonly session_ms: number;
}

/** The session's clock as seen from here: `session = offset + speed × local`. */
export interface ClockState {
  readonly offset_ms: number;
  readonly target_ms: number;
  readonly at_ms: number;
  readonly speed: number;
}

const KEPT = 10;
/** Small corrections are spread out, so that a breath never jumps. */
const SLEW_MS_PER_S = 20;
/** After sleep or a lost link the difference is no drift: take it over at once. */
const STEP_MS = 500;

/** Keeps the newest ten samples. */
export function remember(samples: readonly ClockSample[], sample: ClockSample): readonly ClockSample[] {
  return [...samples, sample].slice(-KEPT);
}

/** The offset by the sample with the shortest way there and back, or null. */
export function estimateOffsetMs(samples: readonly ClockSample[], speed = 1): number | null {
  let best: ClockSample | null = null;
  for (const sample of samples) {
    if (!best || roundTripMs(sample) < roundTripMs(best)) best = sample;
  }
  if (!best) return null;
  return best.session_ms - (speed * (best.sent_ms + best.received_ms)) / 2;
}

/** Takes a new estimate: at once when far off or first, slowly otherwise. */
export function adjust(state: ClockState | null, offsetMs: number, nowMs: number, speed = 1): ClockState {
  if (!state) return { offset_ms: offsetMs, target_ms: offsetMs, at_ms: nowMs, speed };
  const here = offsetAt(state, nowMs);
  const stepped = Math.abs(offsetMs - here) > STEP_MS;
  return { offset_ms: stepped ? offsetMs : here, target_ms: offsetMs, at_ms: nowMs, speed };
}

/** The session's time at the local time `nowMs`. */
export function sessionMs(state: ClockState, nowMs: number): number {
  return offsetAt(state, nowMs) + state.speed * nowMs;
}

function offsetAt(state: ClockState, nowMs: number): number {
  const most = (SLEW_MS_PER_S * Math.max(nowMs - state.at_ms, 0)) / 1000;
  const missing = state.target_ms - state.offset_ms;
  return state.offset_ms + Math.sign(missing) * Math.min(Math.abs(missing), most);
}

function roundTripMs(sample: ClockSample): number {
  return sample.received_ms - sample.sent_ms;
}
