/** Who shares with this therapist: consent, finished sessions with their reports, the trend. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { streamsWords, words } from "../copy-room.ts";
import { copy } from "../copy.ts";
import { Part } from "../part.ts";
import "../parts/invites.ts";
import "../parts/room-notes.ts";
import { staffNav } from "../parts/staff-nav.ts";
import { type Reported, room, type Sharer } from "../room-api.ts";
import type { Stream } from "../room-tile.ts";
import { whenWords } from "../words.ts";

const AGAIN_MS = 2000;

export class PeopleScreen extends Part {
  static override properties = { person: {}, people: { state: true }, sessions: { state: true } };
  /** The one whose page this is; empty for the list. */
  declare person: string;
  declare people: readonly Sharer[] | null;
  declare sessions: readonly Reported[] | null;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.person = "";
    this.people = null;
    this.sessions = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("person")) void this.#load();
  }

  async #load(): Promise<void> {
    this.sessions = null;
    clearTimeout(this.#again);
    const { person } = this;
    try {
      this.people = await room.people();
      const shares = this.people.find((one) => one.person === person);
      if (shares && shares.report.length > 0) await this.#fetch(person);
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  async #fetch(person: string): Promise<void> {
    const sessions = await room.sessions(person);
    if (person !== this.person || !this.isConnected) return;
    this.sessions = sessions;
    // What just ended is still being written: look again shortly.
    if (!sessions.some((one) => one.state === "closing")) return;
    this.#again = setTimeout(() => void this.#fetch(person).catch(() => undefined), AGAIN_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#again);
  }

  protected override render(): TemplateResult {
    const p = words.people;
    if (this.people === null) {
      return html`<section class="screen staff">
        ${staffNav("people")}
        <h1 tabindex="-1">${p.title}</h1>
        <p class="quiet">${copy.wait}</p>
      </section>`;
    }
    const one = this.people.find((sharer) => sharer.person === this.person);
    return this.person === "" ? this.#list(this.people) : one ? this.#one(one) : gone();
  }

  #list(people: readonly Sharer[]): TemplateResult {
    const p = words.people;
    return html`<section class="screen staff">
      ${staffNav("people")}
      <h1 tabindex="-1">${p.title}</h1>
      <p class="lead">${p.lead}</p>
      ${people.length === 0
        ? html`<div data-testid="no-people">
            <p>${p.none}</p>
            <p class="quiet">${p.noneLong}</p>
          </div>`
        : html`<ul class="people" data-testid="people">
            ${people.map(
              (sharer) => html`<li class="panel" data-testid="sharer">
                <h2>${sharer.alias}</h2>
                ${consent(sharer)}
                <a
                  class="button"
                  href=${`#people/${encodeURIComponent(sharer.person)}`}
                  aria-label=${p.openOne(sharer.alias)}
                  data-testid="open-person"
                  >${p.open}</a
                >
              </li>`,
            )}
          </ul>`}
      <bf-invites .roles=${["patient"]}></bf-invites>
    </section>`;
  }

  #one(sharer: Sharer): TemplateResult {
    const p = words.people;
    const reports = sharer.report.length > 0;
    return html`<section class="screen staff">
      ${staffNav("people")}
      <a class="link back" href="#people">${p.back}</a>
      <h1 tabindex="-1">${sharer.alias}</h1>
      ${consent(sharer)}
      ${reports
        ? html`<section class="panel">
              <h2>${p.trend}</h2>
              <p class="quiet">${p.trendLead}</p>
              <div class="tools">
                ${file(room.trendUrl(sharer.person, "html"), p.trendRead, p.trendRead, "trend-html")}
                ${file(room.trendUrl(sharer.person, "pdf"), p.pdf, p.of(p.pdf, p.trend), "trend-pdf")}
              </div>
            </section>
            ${this.#sessions()}`
        : html`<p>${p.noReport}</p>`}
      <bf-room-notes person=${sharer.person}></bf-room-notes>
    </section>`;
  }

  #sessions(): TemplateResult {
    const p = words.people;
    const { sessions } = this;
    return html`<section class="panel" aria-labelledby="sessions-title">
      <h2 id="sessions-title">${p.sessions}</h2>
      ${sessions === null ? html`<p class="quiet">${copy.wait}</p>` : nothing}
      ${sessions?.length === 0 ? html`<p class="quiet">${p.noSessions}</p>` : nothing}
      <ul class="plain-rows" data-testid="person-sessions">
        ${(sessions ?? []).map((session) => this.#session(session))}
      </ul>
    </section>`;
  }

  #session(reported: Reported): TemplateResult {
    const p = words.people;
    const { session, state, minutes, practice, symptom } = reported;
    const when = whenWords(reported.started_at);
    const over = state !== "live" && state !== "closing";
    const said = [
      state === "closing" ? p.closing : !over ? p.live1 : minutes === null ? null : p.minutes(Math.round(minutes)),
      practice ? practice.replaceAll("_", " ") : null,
      symptom ? p.symptom : null,
    ];
    return html`<li data-testid="person-session" data-id=${session}>
      <span
        >${when} <span class="quiet">${said.filter((one) => one !== null).join(", ")}</span>
        ${reported.simulated ? html`<span class="chip plain-chip">${words.room.simulated}</span>` : nothing}</span
      >
      ${over
        ? html`<span class="tools">
            ${file(room.reportUrl(session, "html"), p.read, p.of(p.read, when), "report-html")}
            ${file(room.reportUrl(session, "pdf"), p.pdf, p.of(p.pdf, when), "report-pdf")}
            ${file(room.reportUrl(session, "csv"), p.csv, p.of(p.csv, when), "report-csv")}
          </span>`
        : nothing}
    </li>`;
  }
}
customElements.define("bf-people", PeopleScreen);

/** A page of its own, or a file that the browser keeps. */
function file(url: string, said: string, name: string, testid: string): TemplateResult {
  const page = url.endsWith("html");
  return page
    ? html`<a class="button slim" href=${url} target="_blank" rel="noopener" aria-label=${name} data-testid=${testid}>${said}</a>`
    : html`<a class="button slim" href=${url} download aria-label=${name} data-testid=${testid}>${said}</a>`;
}

function consent(sharer: Sharer): TemplateResult {
  const p = words.people;
  const said = (streams: readonly Stream[]): string =>
    streams.length === 0 ? p.nothing : streamsWords(streams);
  return html`<div data-testid="consent"><dl class="facts-list">
    <dt>${p.live}</dt>
    <dd>${said(sharer.live)}</dd>
    <dt>${p.report}</dt>
    <dd>${said(sharer.report)}</dd>
  </dl>
    ${sharer.expires_at ? html`<p class="quiet">${p.until(whenWords(sharer.expires_at))}</p>` : nothing}</div>`;
}

function gone(): TemplateResult {
  const p = words.people;
  return html`<section class="screen staff">
    ${staffNav("people")}
    <a class="link back" href="#people">${p.back}</a>
    <h1 tabindex="-1">${p.gone}</h1>
  </section>`;
}
