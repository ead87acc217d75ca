/** What sounds: the breathing tone, a note for a heartbeat, and the sign of the end. */

import type { Channel } from "./mixer.ts";
import type { Plan } from "./plan.ts";
import { joinPlans, points } from "./plan.ts";
import { LOW_HZ, SILENT } from "./tone.ts";

/** So far ahead the tone is written: a hidden page may be woken once a minute only. */
const AHEAD_MS = 70_000;
/** What is nearer than this may already be in the sound card's hands. */
const SAFE_MS = 60;

/** Few and soft partials: warm, and still heard from a phone's small loudspeaker. */
const PARTIALS = [0, 1, 0.3, 0.12, 0.05];

/** One oscillator that never stops; its pitch and level are written ahead as ramps. */
export class BreathVoice {
  readonly #context: BaseAudioContext;
  readonly #oscillator: OscillatorNode;
  readonly #level: GainNode;
  #plan: Plan = () => SILENT;
  #writtenMs: number;

  constructor(context: BaseAudioContext, into: AudioNode) {
    this.#context = context;
    const periodicWave = new PeriodicWave(context, { imag: PARTIALS });
    this.#oscillator = new OscillatorNode(context, { type: "custom", periodicWave, frequency: LOW_HZ });
    this.#level = new GainNode(context, { gain: 0 });
    this.#oscillator.connect(this.#level).connect(into);
    this.#writtenMs = context.currentTime * 1000;
    this.#oscillator.frequency.setValueAtTime(LOW_HZ, context.currentTime);
    this.#level.gain.setValueAtTime(0, context.currentTime);
    this.#oscillator.start();
  }

  /** Follows `plan` from a moment on, joined to what was written before. */
  follow(plan: Plan): void {
    const atMs = Math.max(this.#context.currentTime * 1000, 0) + SAFE_MS;
    const here = this.#plan(atMs);
    this.#plan = joinPlans(this.#plan, plan, atMs);
    if (this.#writtenMs > atMs) {
      for (const param of [this.#oscillator.frequency, this.#level.gain]) param.cancelScheduledValues(atMs / 1000);
    }
    // The ramp that was cut ends where it would have been: nothing bends.
    this.#rampTo(atMs, here.hz, here.level);
    this.#writtenMs = atMs;
    this.write();
  }

  /** Writes on, up to as far as is wanted. */
  write(): void {
    const nowMs = this.#context.currentTime * 1000;
    // After a long sleep nothing was written for now: go on from here.
    if (this.#writtenMs < nowMs) {
      const atMs = nowMs + SAFE_MS;
      const next = this.#plan;
      this.#plan = joinPlans(() => SILENT, next, atMs);
      this.#level.gain.setValueAtTime(0, atMs / 1000);
      this.#oscillator.frequency.setValueAtTime(LOW_HZ, atMs / 1000);
      this.#writtenMs = atMs;
    }
    for (const { at_ms, hz, level } of points(this.#plan, this.#writtenMs, nowMs + AHEAD_MS)) {
      this.#rampTo(at_ms, hz, level);
      this.#writtenMs = at_ms;
    }
  }

  stop(): void {
    this.#oscillator.stop();
    this.#oscillator.disconnect();
  }

  #rampTo(atMs: number, hz: number, level: number): void {
    this.#oscillator.frequency.linearRampToValueAtTime(hz, atMs / 1000);
    this.#level.gain.linearRampToValueAtTime(level, atMs / 1000);
  }
}

/** A soft swell for one heartbeat: no click, no drum. */
const SWELL_S = 0.15;
const ECHO_S = 0.45;

export function playNote(into: Channel, hz: number, atS: number, level = 0.7): void {
  const { context } = into.input;
  const oscillator = new OscillatorNode(context, { type: "sine", frequency: hz });
  const swell = new GainNode(context, { gain: 0 });
  oscillator.connect(swell).connect(into.input);
  swell.gain.setValueAtTime(0, atS);
  swell.gain.linearRampToValueAtTime(level, atS + SWELL_S);
  swell.gain.linearRampToValueAtTime(0, atS + SWELL_S + ECHO_S);
  oscillator.start(atS);
  oscillator.stop(atS + SWELL_S + ECHO_S);
  oscillator.onended = () => swell.disconnect();
}

/** The end: a third and a fifth, slowly, one after the other. Nothing is won. */
const SIGN = [
  { hz: LOW_HZ, afterS: 0 },
  { hz: LOW_HZ * 1.25, afterS: 0.7 },
  { hz: LOW_HZ * 1.5, afterS: 1.4 },
] as const;
const SIGN_SWELL_S = 0.4;
const SIGN_ECHO_S = 1.8;

export function playSign(into: Channel): void {
  const { context } = into.input;
  for (const { hz, afterS } of SIGN) {
    const atS = context.currentTime + 0.05 + afterS;
    const oscillator = new OscillatorNode(context, { type: "sine", frequency: hz });
    const swell = new GainNode(context, { gain: 0 });
    oscillator.connect(swell).connect(into.input);
    swell.gain.setValueAtTime(0, atS);
    swell.gain.linearRampToValueAtTime(0.5, atS + SIGN_SWELL_S);
    swell.gain.linearRampToValueAtTime(0, atS + SIGN_SWELL_S + SIGN_ECHO_S);
    oscillator.start(atS);
    oscillator.stop(atS + SIGN_SWELL_S + SIGN_ECHO_S);
    oscillator.onended = () => swell.disconnect();
  }
}
