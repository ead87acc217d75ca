/**
 * A session that is shared: a steady light that says who is watching, and two buttons.
 * It is still, stands in words and in a shape, and says so when it cannot know.
 */

import { html, nothing, svg, type PropertyValues, type TemplateResult } from "lit";
import { namesOf } from "../company-names.ts";
import { copy } from "../copy.ts";
import { later } from "../copy-later.ts";
import type { Feed } from "../feed.ts";
import { follow, Part } from "../part.ts";
import type { Screen } from "../router.ts";
import { handIsUp, letters, sharingSaid, type SharingState, watchersNow } from "../together.ts";
import { shared } from "../together-api.ts";
import "./share-ask.ts";
import "./suggestion.ts";

const TICK_MS = 500;
/** As the practice has it: less is not worth a word. */
const LOST_AFTER_MS = 1200;
const SILENT_AFTER_MS = 5000;
/** A word on what was just done goes again. */
const SAID_MS = 8000;

type Light = "watched" | "open" | "paused" | "off" | "unknown" | "closed";

/** Where cards have no place of their own. */
const WITH_CARDS: ReadonlySet<Screen> = new Set<Screen>(["before", "after", "plan", "assess"]);

export class CompanyPart extends Part {
  static override properties = {
    feed: { attribute: false },
    screen: { type: String },
    lost: { state: true },
    busy: { state: true },
    said: { state: true },
  };
  declare feed: Feed;
  declare screen: Screen;
  declare lost: boolean;
  declare busy: boolean;
  /** That the last tap came to nothing: in the place of the light's words, so nothing moves. */
  declare said: string;
  #unfollow: (() => void)[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  #lostAt: number | null = null;
  #saidMs = -Infinity;
  /** How often somebody came or went, or the sharing changed, when it was last asked who may. */
  #turns = -1;

  constructor() {
    super();
    this.lost = false;
    this.busy = false;
    this.said = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    document.addEventListener("visibilitychange", this.#back);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.#back);
    for (const end of this.#unfollow.splice(0)) end();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("feed")) return;
    for (const end of this.#unfollow.splice(0)) end();
    this.#unfollow = [
      follow(this.feed, () => this.requestUpdate()),
      follow(namesOf(this.feed.session.id), () => this.requestUpdate()),
    ];
  }

  /** What was allowed may have been ended on another page. */
  readonly #back = (): void => {
    if (document.visibilityState === "visible") this.#turns = -1;
  };

  #tick(): void {
    const turns = this.feed.entries.filter(({ type }) => type === "sharing" || type === "watching").length;
    if (turns > 0 && turns !== this.#turns && this.feed.connected) {
      this.#turns = turns;
      void namesOf(this.feed.session.id).refresh();
    }
    const nowMs = performance.now();
    this.#lostAt = this.feed.connected ? null : (this.#lostAt ?? nowMs);
    const cut = this.#lostAt !== null && nowMs - this.#lostAt > LOST_AFTER_MS;
    this.lost = cut || nowMs - this.feed.heardMs > SILENT_AFTER_MS;
    if (nowMs - this.#saidMs > SAID_MS) this.said = "";
  }

  #note(words: string): void {
    this.said = words;
    this.#saidMs = performance.now();
  }

  async #share(state: SharingState): Promise<void> {
    this.busy = true;
    try {
      namesOf(this.feed.session.id).take(await shared.share(this.feed.session.id, state));
    } catch {
      this.#note(later.company.notSent);
    }
    this.busy = false;
  }

  #raise(): void {
    if (!this.feed.command({ kind: "hand", up: !handIsUp(this.feed.entries) })) this.#note(later.company.notSent);
  }

  #light(state: SharingState | null): Light {
    if (this.lost || this.feed.signedOut) return "unknown";
    if (!namesOf(this.feed.session.id).anybody) return "closed";
    if (state === "paused" || state === "off") return state;
    return watchersNow(this.feed.entries).length > 0 ? "watched" : "open";
  }

  #words(light: Light): string {
    const c = later.company;
    if (light === "open") return c.nobody;
    if (light !== "watched") return c[light];
    const codes = watchersNow(this.feed.entries);
    const names = namesOf(this.feed.session.id).all(codes);
    return codes.length === 1 ? c.one(names) : c.more(names);
  }

  protected override render(): TemplateResult | typeof nothing {
    const c = later.company;
    const state = sharingSaid(this.feed.entries);
    // Somebody who said no at the beginning is not reminded of it all the time.
    const everShared = this.feed.entries.some((entry) => entry.type === "sharing" && entry.text !== "off");
    if (!everShared || this.feed.over) return nothing;
    const light = this.#light(state);
    const up = handIsUp(this.feed.entries);
    const { waiting } = namesOf(this.feed.session.id);
    return html`<section class="company" aria-label=${c.title} data-testid="company" data-light=${light}>
        <p class="company-light" role="status">
          ${sign(light)}<span data-testid="light">${this.said || this.#words(light)}</span>
        </p>
        ${light === "closed" || this.feed.signedOut ? nothing : html`<div class="company-actions">
          ${state === "on"
            ? html`<button class="button slim" type="button" data-testid="pause-sharing" ?disabled=${this.busy} @click=${() => this.#share("paused")}>
                ${c.pause}
              </button>`
            : html`<button class="button slim" type="button" data-testid="share-again" ?disabled=${this.busy} @click=${() => this.#share("on")}>
                ${c.again}
              </button>`}
          ${state === "on" && waiting.length > 0
            ? html`<button class="button slim" type="button" data-testid="share-too" ?disabled=${this.busy} @click=${() => this.#share("on")}>
                ${c.too(namesOf(this.feed.session.id).all(waiting))}
              </button>`
            : nothing}
          ${state === "off"
            ? nothing
            : html`<button class="button slim" type="button" data-testid="hand" aria-pressed=${up} @click=${() => this.#raise()}>
                ${up ? hand : nothing}${up ? c.handUp : c.hand}
              </button>`}
        </div>`}
      </section>
      ${WITH_CARDS.has(this.screen) ? html`<bf-suggestion class="company-card" .feed=${this.feed}></bf-suggestion>` : nothing}
      ${this.screen === "after" ? this.#letters() : nothing}`;
  }

  /** What was written can be read again, once nothing else is asked for. */
  #letters(): TemplateResult | typeof nothing {
    const all = letters(this.feed.entries);
    if (all.length === 0) return nothing;
    return html`<details class="plain-note more company-letters" data-testid="letters">
      <summary><span>${later.company.letters}</span><span class="more-word">${copy.start.noRadioMore}</span></summary>
      ${all.map(({ text }) => html`<p>${text}</p>`)}
    </details>`;
  }
}
customElements.define("bf-company", CompanyPart);

/** An eye that is open, a ring, two bars, a broken ring: told apart without their colour. */
function sign(light: Light): TemplateResult {
  const shapes: Readonly<Record<Light, TemplateResult>> = {
    watched: svg`<circle cx="12" cy="12" r="9" class="company-ring" /><circle cx="12" cy="12" r="5" class="company-dot" />`,
    open: svg`<circle cx="12" cy="12" r="9" class="company-ring" />`,
    paused: svg`<path d="M8 5v14M16 5v14" class="company-ring" />`,
    off: svg`<path d="M5 12h14" class="company-ring" />`,
    closed: svg`<path d="M5 12h14" class="company-ring" />`,
    unknown: svg`<circle cx="12" cy="12" r="9" class="company-ring broken" />`,
  };
  return html`<svg class="company-sign" viewBox="0 0 24 24" aria-hidden="true">${shapes[light]}</svg>`;
}

const hand = svg`<svg class="company-hand" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 20V4M6 10l6-6 6 6" class="company-ring" /></svg>`;
