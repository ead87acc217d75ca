/** Base of every element here: plain DOM, so labels, ids and checkers work across. */

import { LitElement } from "lit";

export class Part extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  /** Tells the parent something; `name` is heard as an event of the same name. */
  protected tell(name: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

/** Re-renders whenever `target` changes; returns how to end that. */
export function follow(target: EventTarget, act: () => void): () => void {
  target.addEventListener("change", act);
  return () => target.removeEventListener("change", act);
}
