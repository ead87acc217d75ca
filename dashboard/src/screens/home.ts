/**
 * Two taps to breathe: a strap, a length and a practice are chosen, and there is Begin.
 * The first time it leads to the list of whom to ask first; on a day of rest nothing
 * asks to begin.
 */

import { html, nothing, type TemplateResult } from "lit";
import { api, ApiProblem } from "../api.ts";
import { browserRadio } from "../browser-radio.ts";
import { copy } from "../copy.ts";
import { restsToday } from "../dizziness.ts";
import { Part } from "../part.ts";
import { restDayWords } from "../parts/dizzy-words.ts";
import "../parts/earlier.ts";
import { fold } from "../parts/fold.ts";
import { homeLinks } from "../parts/home-links.ts";
import { practiceChoice } from "../parts/practice-choice.ts";
import { inReach, realFirst, strapCard, strapHint, strapName } from "../parts/strap-card.ts";
import { lengths, preferences } from "../preferences.ts";
import type { Session, Strap, StrapList } from "../protocol.ts";
import { go } from "../router.ts";
import { serviceSays } from "../words.ts";
import { who } from "../who.ts";

const SCAN_S = 5;

/** The strap that was chosen before the first list was read: it is still the one after. */
let beforeFirst: { readonly chosen: string | null; readonly own: Strap | null } | null = null;

export class HomeScreen extends Part {
  static override properties = {
    list: { state: true },
    sessions: { state: true },
    chosen: { state: true },
    minutes: { state: true },
    practice: { state: true },
    resting: { state: true },
    scanning: { state: true },
    searched: { state: true },
    busy: { state: true },
    own: { state: true },
    choosing: { state: true },
    radioTrouble: { state: true },
  };
  declare list: StrapList | null;
  declare sessions: readonly Session[] | null;
  declare chosen: string | null;
  declare minutes: number;
  declare practice: string;
  /** A day of rest, until the person opens the practices. */
  declare resting: boolean;
  declare scanning: boolean;
  declare searched: boolean;
  declare busy: boolean;
  /** A strap that was chosen in this browser's own list. */
  declare own: Strap | null;
  declare choosing: boolean;
  declare radioTrouble: string;
  #choseSelf = false;
  #gone = false;
  #refresh: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.list = null;
    this.sessions = null;
    this.chosen = null;
    this.minutes = preferences.get("minutes");
    this.practice = preferences.get("practice");
    this.resting = restsToday();
    this.scanning = false;
    this.searched = false;
    this.busy = false;
    this.own = null;
    this.choosing = false;
    this.radioTrouble = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#gone = false;
    if (beforeFirst) {
      ({ chosen: this.chosen, own: this.own } = beforeFirst);
      this.#choseSelf = true;
      beforeFirst = null;
    }
    window.addEventListener("focus", this.#back);
    void this.#load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("focus", this.#back);
    this.#gone = true;
    clearTimeout(this.#refresh);
  }

  /** A clinic was perhaps joined or left meanwhile, in a terminal. */
  readonly #back = (): void =>
    void this.#guard(async () => {
      const me = await api.me();
      if (me.person.id === who.me?.person.id) who.me = me;
      this.requestUpdate();
    });

  async #load(): Promise<void> {
    void this.#listSessions();
    await this.#guard(async () => {
      this.#take(await api.straps());
      if (this.list?.radio.available) await this.#search();
    });
  }

  async #listSessions(): Promise<void> {
    await this.#guard(async () => {
      const sessions = await api.sessions();
      if (this.#gone) return;
      this.sessions = sessions;
      // A practice that just ended is still being written: look again shortly.
      if (sessions.some((s) => s.state === "closing")) {
        this.#refresh = setTimeout(() => void this.#listSessions(), 2000);
      }
    });
  }

  async #search(): Promise<void> {
    if (this.scanning) return;
    this.scanning = true;
    await this.#guard(async () => this.#take(await api.straps(SCAN_S)));
    this.scanning = false;
    this.searched = true;
  }

  #take(list: StrapList): void {
    this.list = list;
    const known = this.#straps().some((strap) => strap.id === this.chosen);
    if (this.#choseSelf && known) return;
    const wanted = list.preferred ?? (list.radio.available ? realFirst(list.straps)[0]?.id : null);
    this.chosen =
      list.straps.find((strap) => strap.id === wanted)?.id ??
      list.straps.find((strap) => strap.simulated)?.id ??
      null;
  }

  #straps(): readonly Strap[] {
    const found = realFirst(this.list?.straps ?? []);
    return this.own ? [this.own, ...found] : found;
  }

  async #useBrowser(): Promise<void> {
    this.choosing = true;
    this.radioTrouble = "";
    const choice = await browserRadio.choose();
    if (choice && "trouble" in choice) this.radioTrouble = copy.browser.trouble[choice.trouble];
    else if (choice) {
      this.own = choice.strap;
      this.chosen = choice.strap.id;
      this.#choseSelf = true;
    }
    this.choosing = false;
  }

  async #guard(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (problem) {
      if (!this.#gone) this.tell("problem", problem);
    }
  }

  async #begin(): Promise<void> {
    if (!this.chosen || this.busy) return;
    if (preferences.get("askedFirst") === "") {
      beforeFirst = { chosen: this.chosen, own: this.own };
      go("first");
      return;
    }
    this.busy = true;
    await this.#guard(async () => {
      const own = this.own?.id === this.chosen ? this.own : null;
      const session = await api.start(this.chosen ?? "", own?.name);
      if (own) browserRadio.begin(session.id);
      go("before", session.id);
    });
    this.busy = false;
  }

  async #end(session: Session): Promise<void> {
    this.busy = true;
    await this.#guard(async () => {
      try {
        await api.stop(session.id);
      } catch (problem) {
        if (!(problem instanceof ApiProblem)) throw problem;
      }
      await this.#listSessions();
    });
    this.busy = false;
  }

  protected override render(): TemplateResult {
    const running = this.sessions?.find((s) => s.state === "live" && s.source !== "replay");
    const main = this.resting ? this.#rest() : running ? this.#running(running) : this.#start();
    return html`<section class="screen">
      <div class="home">
        <div class="home-main">${main} ${homeLinks()}</div>
        <bf-earlier .sessions=${this.sessions}></bf-earlier>
      </div>
    </section>`;
  }

  #rest(): TemplateResult {
    return html`<div class="rest-day" data-testid="rest-day">
      ${restDayWords()}
      <button class="link" type="button" data-testid="rest-open" @click=${() => this.#open()}>${copy.dizzy.restDay.open}</button>
    </div>`;
  }

  /** The choice stays with the person. */
  #open(): void {
    this.resting = false;
    void this.updateComplete.then(() => this.querySelector("h1")?.focus());
  }

  #running(session: Session): TemplateResult {
    const c = copy.start;
    return html`
      <h1 tabindex="-1">${c.running}</h1>
      <p class="lead">${c.runningLead}</p>
      <div class="stack">
        <button class="button primary big" type="button" @click=${() => go("before", session.id)}>
          ${c.goBack}
        </button>
        <button class="button" type="button" ?disabled=${this.busy} @click=${() => this.#end(session)}>
          ${c.endIt}
        </button>
      </div>
    `;
  }

  #start(): TemplateResult {
    const c = copy.start;
    return html`
      <h1 tabindex="-1">${c.title}</h1>
      <p class="lead">${c.lead}</p>
      <fieldset class="plain">
        <legend><h2>${c.minutes}</h2></legend>
        <div class="pills">
          ${lengths.map(
            (minutes) => html`<label class="pill">
              <input
                type="radio"
                name="minutes"
                value=${minutes}
                .checked=${this.minutes === minutes}
                @change=${() => this.#chooseMinutes(minutes)}
              />
              <span>${c.about(minutes)}</span>
            </label>`,
          )}
        </div>
      </fieldset>
      ${practiceChoice(this.practice, (id) => {
        this.practice = id;
        preferences.set("practice", id);
      })}
      ${this.#strap()}
      <div class="bar">
        <button
          class="button primary big"
          type="button"
          data-testid="begin"
          ?disabled=${!this.chosen || this.busy}
          @click=${() => this.#begin()}
        >
          ${this.busy ? c.beginning : c.begin}
        </button>
      </div>
    `;
  }

  #chooseMinutes(minutes: number): void {
    this.minutes = minutes;
    preferences.set("minutes", minutes);
  }

  /** Folded, since one is chosen already; what needs a word stands below it. */
  #strap(): TemplateResult {
    const c = copy.start;
    const straps = this.#straps();
    const chosen = straps.find((strap) => strap.id === this.chosen);
    const now = chosen
      ? html`${strapName(chosen)} ${chosen.simulated ? html`<span class="chip">${c.simulated}</span>` : nothing}`
      : this.list
        ? c.noStrapYet
        : copy.wait;
    return html`<div class="strap-choice">
      ${fold(
        { testid: "straps", title: c.strap, now, open: this.list !== null && !chosen },
        html`<fieldset class="cards" data-testid="strap-list">
            <legend class="sr-only">${c.strap}</legend>
            ${straps.map((strap) =>
              strapCard(strap, {
                chosen: this.chosen === strap.id,
                own: strap === this.own,
                choose: () => {
                  this.#choseSelf = true;
                  this.chosen = strap.id;
                },
              }),
            )}
          </fieldset>
          <button
            class="button slim"
            type="button"
            ?disabled=${this.scanning || !this.list}
            @click=${() => this.#search()}
          >
            ${c.searchAgain}
          </button>`,
      )}
      ${this.#radio()} ${strapHint(chosen)} ${this.#browser()}
      <p class="quiet search-words" role="status">${this.#searchWords()}</p>
    </div>`;
  }

  #radio(): TemplateResult | typeof nothing {
    const radio = this.list?.radio;
    if (!radio || radio.available) return nothing;
    return html`<details class="plain-note more" data-testid="radio-advice">
      <summary>
        <span>${copy.start.noRadio}</span><span class="more-word">${copy.start.noRadioMore}</span>
      </summary>
      <p>${copy.start.noRadioChoice}</p>
      ${radio.advice ? html`<p>${serviceSays(radio.reason, radio.advice)}</p>` : nothing}
    </details>`;
  }

  /** The third way: quiet, and only where there is one. */
  #browser(): TemplateResult | typeof nothing {
    if (!browserRadio.possible) return nothing;
    const words = this.choosing ? copy.browser.waiting : this.radioTrouble;
    return html`<button
        class="link"
        type="button"
        data-testid="use-browser"
        ?disabled=${this.choosing}
        @click=${() => this.#useBrowser()}
      >
        ${copy.browser.offer}
      </button>
      <p class="quiet browser-words" role="status" data-testid="browser-words">${words}</p>`;
  }

  #searchWords(): string {
    if (!this.list) return copy.wait;
    if (this.scanning) return copy.start.searching;
    if (!this.list.radio.available || !this.searched) return "";
    const found = this.list.straps.filter((strap) => !strap.simulated && inReach(strap)).length;
    return found === 0 ? copy.start.none : copy.start.found(found);
  }
}
customElements.define("bf-home", HomeScreen);
