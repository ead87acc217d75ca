/** Two soft notes, one after the other: something is there to look at, whenever one likes. */

import { MIDDLE_HZ } from "./heartbeats.ts";
import { Mixer } from "./mixer.ts";
import { output } from "./output.ts";
import { playNote } from "./voices.ts";

const APART_S = 0.6;
const LASTS_MS = 2200;
const FADE_MS = 200;

export class SoftCue {
  #mixer: Mixer | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Plays them, at `volume` from 0 (silent) to 1. */
  play(volume: number): void {
    const context = volume > 0 ? output() : null;
    if (!context) return;
    this.stop();
    this.#mixer = new Mixer(context);
    const channel = this.#mixer.channel(volume);
    for (const n of [0, 1]) playNote(channel, MIDDLE_HZ, context.currentTime + 0.1 + n * APART_S);
    this.#timer = setTimeout(() => this.stop(), LASTS_MS);
  }

  /** Falls silent at once, as far as that makes no click. */
  stop(): void {
    const mixer = this.#mixer;
    this.#mixer = null;
    clearTimeout(this.#timer);
    if (!mixer) return;
    mixer.stop(FADE_MS);
    setTimeout(() => mixer.remove(), FADE_MS + 100);
  }
}
