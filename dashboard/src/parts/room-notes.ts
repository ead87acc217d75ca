/** Notes for the therapist alone: apart from the record and from every report. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { words } from "../copy-room.ts";
import { Part } from "../part.ts";
import { type Note, room } from "../room-api.ts";
import { drafts } from "../room-drafts.ts";
import { whenWords } from "../words.ts";

const LONGEST = 4000;

export class RoomNotes extends Part {
  static override properties = {
    person: {},
    session: {},
    notes: { state: true },
    text: { state: true },
    asked: { state: true },
    busy: { state: true },
  };
  declare person: string;
  /** The session a new note belongs to; empty for none. */
  declare session: string;
  declare notes: readonly Note[] | null;
  declare text: string;
  /** The note that may be deleted. */
  declare asked: string;
  declare busy: boolean;

  constructor() {
    super();
    this.person = "";
    this.session = "";
    this.notes = null;
    this.text = "";
    this.asked = "";
    this.busy = false;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("person")) return;
    this.notes = null;
    this.text = drafts.get(this.person);
    void this.#guard(async () => {
      const { person } = this;
      const notes = await room.notes(person);
      if (person === this.person) this.notes = notes;
    });
  }

  #write(text: string): void {
    this.text = text;
    drafts.set(this.person, text);
  }

  async #guard(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  async #keep(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const text = this.text.trim();
    if (text === "" || this.busy) return;
    this.busy = true;
    await this.#guard(async () => {
      const note = await room.note(this.person, this.session || null, text);
      this.notes = [note, ...(this.notes ?? [])];
      this.#write("");
    });
    this.busy = false;
  }

  async #forget(note: string): Promise<void> {
    this.asked = "";
    await this.#guard(async () => {
      await room.forgetNote(note);
      this.notes = (this.notes ?? []).filter((one) => one.id !== note);
    });
  }

  protected override render(): TemplateResult {
    const n = words.notes;
    return html`<section class="panel private" aria-labelledby="notes-title" data-testid="notes">
      <h2 id="notes-title">${n.title}</h2>
      <p class="private-words">${n.lead}</p>
      <form class="note-form" @submit=${this.#keep}>
        <label class="field">
          <span>${n.label}</span>
          <textarea
            rows="2"
            maxlength=${LONGEST}
            .value=${this.text}
            data-testid="note-text"
            @input=${(event: Event) => this.#write((event.target as HTMLTextAreaElement).value)}
          ></textarea>
        </label>
        <button
          class="button slim"
          type="submit"
          data-testid="note-keep"
          ?disabled=${this.busy || this.text.trim() === ""}
        >
          ${n.save}
        </button>
      </form>
      ${this.notes?.length === 0 ? html`<p class="quiet">${n.none}</p>` : nothing}
      <ul class="note-list" data-testid="note-list">
        ${(this.notes ?? []).map((note) => this.#note(note))}
      </ul>
    </section>`;
  }

  #note(note: Note): TemplateResult {
    const n = words.notes;
    const when = note.session !== null && note.session === this.session ? n.thisSession : "";
    return html`<li>
      <p class="note-text">${note.text}</p>
      <p class="quiet">${whenWords(note.at)}${when ? `, ${when}` : nothing}</p>
      ${this.asked === note.id
        ? html`<p role="status">${n.sure}</p>
            <button class="button slim" type="button" @click=${() => this.#forget(note.id)}>${n.yes}</button>
            <button class="button slim" type="button" @click=${() => (this.asked = "")}>${n.no}</button>`
        : html`<button class="link" type="button" @click=${() => (this.asked = note.id)}>${n.forget}</button>`}
    </li>`;
  }
}
customElements.define("bf-room-notes", RoomNotes);
