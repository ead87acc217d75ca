/**
 * Voices, each with a volume of its own, into one fade, a limiter and the loudspeaker.
 * A volume of 0 to 1 is taken as its square: that is how loudness is heard.
 */

const LOUDEST = 0.5;
const VOLUME_MS = 200;
/** The whole begins softly. */
const BEGIN_MS = 600;
/** While somebody speaks, all else steps back. */
const BEHIND_SPEECH = 0.35;

export class Mixer {
  readonly context: AudioContext;
  /** All that is heard; whoever wants to measure it listens here. */
  readonly analyser: AnalyserNode;
  readonly #fade: GainNode;
  readonly #behind: GainNode;
  readonly #beganS: number;
  #stopped = false;

  constructor(context: AudioContext) {
    this.context = context;
    this.#fade = new GainNode(context, { gain: 0 });
    this.#behind = new GainNode(context, { gain: 1 });
    const limiter = new DynamicsCompressorNode(context, {
      threshold: -12,
      knee: 6,
      ratio: 12,
      attack: 0.005,
      release: 0.25,
    });
    this.analyser = new AnalyserNode(context, { fftSize: 4096 });
    this.#behind.connect(this.#fade).connect(limiter).connect(this.analyser).connect(context.destination);
    this.#beganS = context.currentTime;
    this.#fade.gain.setValueAtTime(0, this.#beganS);
    this.#fade.gain.linearRampToValueAtTime(1, this.#beganS + BEGIN_MS / 1000);
  }

  /** A place for one voice, at `volume` from 0 to 1. */
  channel(volume: number): Channel {
    const gain = new GainNode(this.context, { gain: gainOf(volume) });
    gain.connect(this.#behind);
    return new Channel(gain);
  }

  /** Steps back while words are spoken, and comes forward again. */
  stepBack(back: boolean): void {
    slide(this.#behind.gain, back ? BEHIND_SPEECH : 1, this.context.currentTime);
  }

  /** Is silent `fadeMs` from now, for good. */
  stop(fadeMs: number): void {
    if (this.#stopped) return;
    this.#stopped = true;
    const nowS = this.context.currentTime;
    const level = Math.min(((nowS - this.#beganS) * 1000) / BEGIN_MS, 1);
    this.#fade.gain.cancelScheduledValues(nowS);
    this.#fade.gain.setValueAtTime(level, nowS);
    this.#fade.gain.linearRampToValueAtTime(0, nowS + fadeMs / 1000);
  }

  /** Takes it off the loudspeaker, once it is silent. */
  remove(): void {
    this.analyser.disconnect();
  }
}

export class Channel {
  readonly input: GainNode;

  constructor(input: GainNode) {
    this.input = input;
  }

  set volume(volume: number) {
    slide(this.input.gain, gainOf(volume), this.input.context.currentTime);
  }
}

function gainOf(volume: number): number {
  return LOUDEST * Math.min(Math.max(volume, 0), 1) ** 2;
}

/** Approaches `value` without a step, also when the last change is still under way. */
function slide(param: AudioParam, value: number, nowS: number): void {
  param.cancelScheduledValues(nowS);
  param.setTargetAtTime(value, nowS, VOLUME_MS / 1000 / 3);
}
