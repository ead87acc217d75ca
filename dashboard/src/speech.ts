/** Words that are spoken, where the browser can (Web Speech). Else this is silence. */

import { preferences } from "./preferences.ts";
import { allowed } from "./sound/output.ts";
import { Announcer } from "./throttle.ts";

export const canSpeak =
  typeof speechSynthesis !== "undefined" && typeof SpeechSynthesisUtterance !== "undefined";

/** A little slower than the browser's own. */
const CALM_RATE = 0.88;

/** Tells `change` when speaking begins and ends, so that tones can step back. */
class Speech extends EventTarget {
  speaking = false;
  /** Held, or some browsers forget to tell that they end. */
  readonly #waiting = new Set<SpeechSynthesisUtterance>();

  say(words: string, volume: number): void {
    if (!canSpeak || !allowed() || words === "" || volume <= 0) return;
    const said = new SpeechSynthesisUtterance(words);
    said.lang = document.documentElement.lang;
    said.rate = CALM_RATE;
    said.volume = volume;
    said.onstart = () => this.#now(true);
    said.onend = said.onerror = () => {
      this.#waiting.delete(said);
      if (this.#waiting.size === 0) this.#now(false);
    };
    this.#waiting.add(said);
    speechSynthesis.speak(said);
  }

  hush(): void {
    if (!canSpeak) return;
    this.#waiting.clear();
    speechSynthesis.cancel();
    this.#now(false);
  }

  #now(speaking: boolean): void {
    if (this.speaking === speaking) return;
    this.speaking = speaking;
    this.dispatchEvent(new Event("change"));
  }
}

export const speech = new Speech();

/** Says `words` after what is being said, as loud as the person likes. */
export function say(words: string): void {
  speech.say(words, preferences.get("voice"));
}

/** Falls silent at once. */
export function hush(): void {
  speech.hush();
}

/** News nobody asked for: the newest counts, and at most one is said in fifteen seconds. */
export class Polite {
  readonly #announcer = new Announcer();
  readonly #say: (words: string) => void;

  constructor(speak: (words: string) => void = say) {
    this.#say = speak;
  }

  tell(words: string, nowMs: number): void {
    this.#announcer.want(words);
    const due = this.#announcer.take(nowMs);
    if (due) this.#say(due);
  }
}
