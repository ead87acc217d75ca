/** A few words to the person; they appear between breaths, and here stands when. */

import { html, nothing, type TemplateResult } from "lit";
import { timeWords, words } from "../copy-room.ts";
import type { Feed } from "../feed.ts";
import { Part } from "../part.ts";
import type { Entry } from "../protocol.ts";
import { letters, shownLetters } from "../together.ts";
import { who } from "../who.ts";

const LONGEST = 200;
const SHOWN = 4;

export class RoomSay extends Part {
  static override properties = {
    feed: { attribute: false },
    entries: { attribute: false },
    text: { state: true },
    unsent: { state: true },
  };
  declare feed: Feed;
  declare entries: readonly Entry[];
  declare text: string;
  declare unsent: boolean;

  constructor() {
    super();
    this.text = "";
    this.unsent = false;
  }

  #send(event: SubmitEvent): void {
    event.preventDefault();
    const text = this.text.trim();
    if (text === "") return;
    this.unsent = !this.feed.command({ kind: "say", text });
    if (!this.unsent) this.text = "";
  }

  protected override render(): TemplateResult {
    const s = words.say;
    const seen = shownLetters(this.entries);
    const own = letters(this.entries).filter((one) => one.by === who.me?.code);
    return html`<section class="panel" aria-labelledby="say-title">
      <h2 id="say-title">${s.title}</h2>
      <form class="say-form" @submit=${this.#send}>
        <label class="field wide">
          <span>${s.label}</span>
          <input
            maxlength=${LONGEST}
            autocomplete="off"
            .value=${this.text}
            data-testid="say-text"
            @input=${(event: Event) => (this.text = (event.target as HTMLInputElement).value)}
          />
        </label>
        <button class="button primary" type="submit" data-testid="say-send" ?disabled=${this.text.trim() === ""}>
          ${s.send}
        </button>
      </form>
      ${this.unsent ? html`<p role="status">${words.marks.notSent}</p>` : nothing}
      <ol class="said" data-testid="said" aria-live="polite">
        ${own
          .slice(-SHOWN)
          .toReversed()
          .map(
            (one) => html`<li>
              <span>${one.text}</span>
              <span class="quiet">${timeWords(one.sinceMs)}, ${seen.has(one.id) ? s.seen : s.sent}</span>
            </li>`,
          )}
      </ol>
      <p class="quiet">${s.note}</p>
    </section>`;
  }
}
customElements.define("bf-room-say", RoomSay);
