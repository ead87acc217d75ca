/** What was begun of a private note and not kept: in this page alone, and of one account. */

import { who } from "./who.ts";

class Drafts {
  #code: string | null = null;
  readonly #texts = new Map<string, string>();

  get(person: string): string {
    this.#look();
    return this.#texts.get(person) ?? "";
  }

  set(person: string, text: string): void {
    this.#look();
    this.#texts.set(person, text);
  }

  forget(): void {
    this.#texts.clear();
  }

  /** Whoever comes after somebody in this page finds nothing of theirs. */
  #look(): void {
    const code = who.me?.code ?? null;
    if (code !== this.#code) this.forget();
    this.#code = code;
  }
}

export const drafts = new Drafts();

if (typeof window !== "undefined") {
  // Told of a sign-in as well; who was only away for long finds their words again.
  window.addEventListener("who", () => {
    if (who.me === null) drafts.forget();
  });
}
