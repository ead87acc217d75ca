/** Two seconds of each sound, to try how loud it is. */

import { LocalPace } from "../local-pace.ts";
import { MIDDLE_HZ } from "./heartbeats.ts";
import { Mixer } from "./mixer.ts";
import { output } from "./output.ts";
import { planOf } from "./plan.ts";
import { BreathVoice, playNote } from "./voices.ts";

const LENGTH_MS = 2000;
const FADE_MS = 200;
/** A beat a second, as the heart might go: up and down a little. */
const NOTES = [0.94, 1.06] as const;

let end: (() => void) | null = null;

/** Plays the tone once up and down, instead of what is being tried. */
export function tryTone(volume: number): void {
  play((mixer) => {
    const breath = new BreathVoice(mixer.context, mixer.channel(volume).input);
    const { schedule } = new LocalPace(60_000 / LENGTH_MS, 50);
    breath.follow(planOf(schedule, 1, mixer.context.currentTime * 1000));
    return () => breath.stop();
  });
}

/** Plays two notes of a heart. */
export function tryHeart(volume: number): void {
  play((mixer) => {
    const channel = mixer.channel(volume);
    NOTES.forEach((ratio, i) => playNote(channel, MIDDLE_HZ * ratio, mixer.context.currentTime + 0.1 + i * 0.85));
    return () => undefined;
  });
}

function play(begin: (mixer: Mixer) => () => void): void {
  end?.();
  const context = output();
  if (!context) return;
  const mixer = new Mixer(context);
  const finish = begin(mixer);
  const timer = setTimeout(() => end?.(), LENGTH_MS);
  end = () => {
    clearTimeout(timer);
    end = null;
    mixer.stop(FADE_MS);
    setTimeout(() => {
      finish();
      mixer.remove();
    }, FADE_MS + 100);
  };
}
