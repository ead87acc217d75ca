/** One key or one tap marks a moment; for five seconds it can be taken back. */

import { html, nothing, type TemplateResult } from "lit";
import { entryTitle, keyWords, markWords, timeWords, words } from "../copy-room.ts";
import type { Feed } from "../feed.ts";
import { Part } from "../part.ts";
import type { Entry } from "../protocol.ts";
import { isField, type Keys, type Mark, markOf, marks, readKeys } from "../room-keys.ts";
import { who } from "../who.ts";

const UNDO_MS = 5_000;

export class RoomMarks extends Part {
  static override properties = {
    feed: { attribute: false },
    keys: { state: true },
    said: { state: true },
    made: { state: true },
  };
  declare feed: Feed;
  declare keys: Keys;
  declare said: string;
  /** The mark that can be taken back now. */
  declare made: Entry | null;
  #waits: { readonly mark: Mark; readonly after: number } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #followed: Feed | null = null;

  constructor() {
    super();
    this.keys = readKeys();
    this.said = "";
    this.made = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("keydown", this.#key);
    window.addEventListener("keys", this.#keys);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("keydown", this.#key);
    window.removeEventListener("keys", this.#keys);
    clearTimeout(this.#timer);
    this.#followed?.removeEventListener("change", this.#heard);
    this.#followed = null;
  }

  protected override willUpdate(): void {
    if (this.#followed === this.feed) return;
    this.#followed?.removeEventListener("change", this.#heard);
    this.#followed = this.feed;
    this.feed.addEventListener("change", this.#heard);
    this.said = "";
    this.made = this.#waits = null;
  }

  readonly #keys = (event: Event): void => {
    this.keys = (event as CustomEvent<Keys>).detail;
  };

  readonly #key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    const target = event.target as HTMLElement | null;
    if (isField(target) || document.querySelector("dialog[open]")) return;
    // The space bar presses what has the focus.
    if (event.key === " " && target?.closest("button, a, summary")) return;
    const mark = markOf(event.key, this.keys);
    if (!mark) return;
    event.preventDefault();
    this.#mark(mark);
  };

  #mark(mark: Mark): void {
    this.made = null;
    if (!this.feed.command({ kind: "annotate", type: mark, text: null })) {
      this.said = words.marks.notSent;
      return;
    }
    this.#waits = { mark, after: this.feed.entries.length };
  }

  /** The mark is made once the session tells of it, and not before. */
  readonly #heard = (): void => {
    const waits = this.#waits;
    const found = waits
      ? this.feed.entries.slice(waits.after).find((e) => e.type === waits.mark && e.by === who.me?.code)
      : undefined;
    if (!found) return;
    this.#waits = null;
    this.made = found;
    this.said = words.marks.made(entryTitle(found.type), timeWords(found.t_ms));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.made = null), UNDO_MS);
  };

  #undo(): void {
    const { made } = this;
    if (!made) return;
    const sent = this.feed.command({ kind: "annotate", type: "correction", text: made.id });
    this.said = sent ? words.marks.undone(entryTitle(made.type)) : words.marks.notSent;
    if (sent) this.made = null;
  }

  protected override render(): TemplateResult {
    const m = words.marks;
    return html`<section class="panel" aria-labelledby="marks-title">
      <h2 id="marks-title">${m.title}</h2>
      <div class="marks">
        ${marks.map(
          (mark) => html`<button
            class="button slim"
            type="button"
            data-testid=${`mark-${mark}`}
            @click=${() => this.#mark(mark)}
          >
            ${markWords[mark]}${this.keys.on ? html`<kbd aria-hidden="true">${keyWords(this.keys.of[mark])}</kbd>` : nothing}
          </button>`,
        )}
      </div>
      <div class="mark-made">
        <p role="status" data-testid="mark-said">${this.said}</p>
        ${this.made
          ? html`<button class="button slim" type="button" data-testid="mark-undo" @click=${() => this.#undo()}>
              ${m.undo}
            </button>`
          : nothing}
      </div>
      <p class="quiet">${m.lead} ${this.keys.on ? nothing : m.off}</p>
    </section>`;
  }
}
customElements.define("bf-room-marks", RoomMarks);
