/** What happened in a session, the newest first: who, when, what. */

import { html, nothing, type TemplateResult } from "lit";
import { entryTitle, timeWords, words } from "../copy-room.ts";
import { Part } from "../part.ts";
import type { Entry } from "../protocol.ts";
import { isRating } from "../room-tile.ts";
import { inhaleOf, lines } from "../room-together.ts";
import { who } from "../who.ts";

const SHOWN = 12;
/** Their text names another entry, which says nothing to a reader. */
const pointing: ReadonlySet<string> = new Set(["pacer_accepted", "pacer_declined", "message_shown"]);

export class RoomEvents extends Part {
  static override properties = { entries: { attribute: false }, all: { state: true } };
  declare entries: readonly Entry[];
  declare all: boolean;

  constructor() {
    super();
    this.entries = [];
    this.all = false;
  }

  protected override render(): TemplateResult {
    const d = words.detail;
    const all = lines(this.entries);
    const shown = this.all ? all : all.slice(0, SHOWN);
    return html`<section class="panel" aria-labelledby="events-title">
      <h2 id="events-title">${d.events}</h2>
      ${all.length === 0 ? html`<p class="quiet">${d.noEvents}</p>` : nothing}
      <ol class="room-events" data-testid="events">
        ${shown.map(
          (entry) => html`<li data-type=${entry.type}>
            <span class="at">${timeWords(entry.at_ms ?? entry.t_ms)}</span>
            <span>${entryWords(entry)}</span> <span class="quiet by">${byWords(entry.by)}</span>
          </li>`,
        )}
      </ol>
      ${shown.length < all.length
        ? html`<button class="link" type="button" @click=${() => (this.all = true)}>${d.allEvents(all.length)}</button>`
        : nothing}
    </section>`;
  }
}
customElements.define("bf-room-events", RoomEvents);

function entryWords(entry: Entry): string {
  const title = entryTitle(entry.type);
  if (isRating(entry.type)) return `${title} ${entry.value ?? ""}${entry.moment ? ` (${entry.moment})` : ""}`;
  if (entry.type === "pacer_proposed") {
    return `${title}: ${words.pace.said((entry.value ?? 0).toFixed(1), inhaleOf(entry.text))}`;
  }
  if (pointing.has(entry.type)) return title;
  const value = entry.value === null ? "" : ` ${entry.value}${entry.unit ? ` ${entry.unit}` : ""}`;
  return entry.text ? `${title}: ${entry.text.replaceAll("_", " ")}${value}` : `${title}${value}`;
}

function byWords(by: string): string {
  const d = words.detail;
  if (by === who.me?.code) return d.you;
  return by === "person" ? d.person : by === "system" ? d.system : by;
}
