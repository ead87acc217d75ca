/**
 * What can be heard and felt of a practice: the breathing tone, the heart's sound,
 * the pulses of a phone. They follow a pacer, and what the person prefers, at once.
 */

import type { Feed } from "./feed.ts";
import { confirmByTouch, Haptics } from "./haptics.ts";
import type { Paced, PacerPart } from "./pacer.ts";
import { follow } from "./part.ts";
import { preferences, wanted } from "./preferences.ts";
import { AudioClock, readClocks } from "./sound/audio-clock.ts";
import { notesOf, USUAL_MS } from "./sound/heartbeats.ts";
import { type Channel, Mixer } from "./sound/mixer.ts";
import { output, rest, whenAllowed } from "./sound/output.ts";
import { planOf } from "./sound/plan.ts";
import { BreathVoice, playNote, playSign } from "./sound/voices.ts";
import { speech } from "./speech.ts";

const LOOK_EVERY_MS = 200;
/** A tone this far from the clock is put right; less is not heard. */
const OFF_MS = 20;
/** No sound ends faster, and none lasts longer than this once it should be silent. */
const SHORTEST_FADE_MS = 150;
const LONGEST_FADE_MS = 250;

/** What the tone was last written by. */
interface Written {
  readonly schedule: readonly PacerPart[];
  readonly speed: number;
  readonly offsetMs: number;
}

export class Cues {
  readonly #paced: Paced;
  readonly #feed: Feed | null;
  readonly #haptics: Haptics;
  readonly #clock = new AudioClock();
  readonly #ends: (() => void)[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #mixer: Mixer | null = null;
  #tone: Channel | null = null;
  #heart: Channel | null = null;
  #breath: BreathVoice | null = null;
  #written: Written | null = null;
  #heardMs: number | null = null;
  #state: "new" | "on" | "resting" | "off" = "new";

  constructor(paced: Paced, feed: Feed | null = null) {
    this.#paced = paced;
    this.#feed = feed;
    this.#haptics = new Haptics(paced);
  }

  /** All that is heard now, to be measured; null while nothing was asked to sound. */
  get analyser(): AnalyserNode | null {
    return this.#mixer?.analyser ?? null;
  }

  /** Begins. Browsers let no page sound by itself: it may wait for the next tap or key. */
  start(): void {
    if (this.#state !== "new") return;
    this.#state = "on";
    this.#ends.push(follow(preferences, () => this.#prefer()));
    this.#ends.push(follow(speech, () => this.#mixer?.stepBack(speech.speaking)));
    this.#ends.push(whenAllowed(() => this.#prefer()));
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** Breaths of one's own: the tone fades and no pulse comes. The heart goes on. */
  rest(): void {
    if (this.#state !== "on") return;
    this.#state = "resting";
    this.#prefer();
  }

  /** A pace is to be followed again. */
  resume(): void {
    if (this.#state !== "resting") return;
    this.#state = "on";
    this.#prefer();
  }

  /** A soft sign that it is over: heard where the tone was, felt where pulses were. */
  ending(): void {
    this.rest();
    if (this.#state !== "resting") return;
    const { tone, vibrate } = wanted(preferences);
    if (this.#mixer && tone > 0) playSign(this.#mixer.channel(tone));
    if (vibrate) confirmByTouch();
  }

  /** Falls silent within `fadeMs` (150 to 250 ms), for good. */
  stop(fadeMs = 200): void {
    if (this.#state === "off") return;
    this.#state = "off";
    clearInterval(this.#timer);
    for (const end of this.#ends.splice(0)) end();
    this.#haptics.stop();
    this.#silence(Math.min(Math.max(fadeMs, SHORTEST_FADE_MS), LONGEST_FADE_MS));
  }

  #silence(fadeMs: number): void {
    const mixer = this.#mixer;
    const breath = this.#breath;
    if (!mixer) return;
    mixer.stop(fadeMs);
    sounding.delete(mixer);
    setTimeout(() => {
      breath?.stop();
      mixer.remove();
      if (sounding.size === 0) rest();
    }, fadeMs + 100);
  }

  /** Takes over what the person prefers now. */
  #prefer(): void {
    if (this.#state === "off") return;
    const { tone, heart, vibrate } = wanted(preferences);
    const paced = this.#state === "on";
    if (paced && vibrate) this.#haptics.start();
    else this.#haptics.stop();
    if (!this.#mixer && (tone > 0 || (heart > 0 && this.#feed))) this.#open();
    if (this.#tone) this.#tone.volume = paced ? tone : 0;
    if (this.#heart) this.#heart.volume = heart;
  }

  #open(): void {
    const context = output();
    if (!context) return; // not yet allowed, or there is none
    this.#mixer = new Mixer(context);
    sounding.add(this.#mixer);
    this.#tone = this.#mixer.channel(0);
    this.#heart = this.#mixer.channel(0);
    this.#breath = new BreathVoice(context, this.#tone.input);
    this.#look();
  }

  #look(): void {
    const context = this.#mixer?.context;
    if (!context || context.state !== "running") {
      this.#clock.clear();
      return;
    }
    const pageMs = performance.now();
    const nowMs = this.#paced.nowMs();
    this.#clock.add(readClocks(context, pageMs));
    const { offsetMs } = this.#clock;
    if (nowMs === null || offsetMs === null) return;
    const { schedule, speed } = this.#paced;
    // Where the session's clock begins on that of the sound card.
    const beginsMs = pageMs + offsetMs - (speed > 0 ? nowMs / speed : 0);
    const known = this.#written;
    const same = known?.schedule === schedule && known.speed === speed;
    if (!same || (speed > 0 && Math.abs(known.offsetMs - beginsMs) > OFF_MS)) {
      this.#written = { schedule, speed, offsetMs: beginsMs };
      this.#breath?.follow(planOf(schedule, speed, beginsMs));
    } else this.#breath?.write();
    this.#beat(nowMs, speed, beginsMs);
  }

  /** Plays the heartbeats that came, each a constant while after it happened. */
  #beat(nowMs: number, speed: number, beginsMs: number): void {
    if (!this.#feed || !this.#heart || !this.#mixer || speed !== 1) return;
    const nowS = this.#mixer.context.currentTime;
    const afterMs = Math.min(this.#heardMs ?? nowMs, nowMs);
    for (const note of notesOf(this.#feed.beats.since(nowMs - USUAL_MS), afterMs)) {
      const atS = (note.at_ms + beginsMs) / 1000;
      this.#heardMs = note.beat_ms;
      // One that came too late is left out: a crowd of beats is no heart.
      if (atS > nowS && wanted(preferences).heart > 0) playNote(this.#heart, note.hz, atS);
    }
    this.#heardMs ??= nowMs;
  }
}

/** Those that have the loudspeaker now: the card rests only when there are none. */
const sounding = new Set<Mixer>();
