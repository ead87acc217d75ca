/**
 * A page that stands still. For sound alone and for vibration alone it holds one calm
 * word; where somebody hid what moves, the words of the phases stay.
 */

import { html } from "lit";
import type { Form } from "../preferences.ts";
import type { Phase } from "../pacer.ts";
import { calmWord, type PacerForm } from "./pacer-form.ts";

function quiet(name: Form, words?: Readonly<Record<Phase, string>>): PacerForm {
  return {
    name,
    ...(words ? { words } : {}),
    template: (word) => html`
      <div class="halo quiet-halo" aria-hidden="true"></div>
      <p class="phase-word calm" data-testid="phase-word">${word}</p>
    `,
    move: () => [],
    still: () => undefined,
  };
}

/** Cues for the ear or the skin: the page says one thing and no more. */
export function felt(name: "sound" | "vibration"): PacerForm {
  const word = calmWord(name);
  return quiet(name, { in: word, hold_in: word, out: word, hold_out: word });
}

/** What moves was hidden: the words remain. */
export const hidden: PacerForm = quiet("words");
