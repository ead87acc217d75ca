/** How the person likes to practise. Each change holds at once; there is nothing to save. */

import { html, nothing, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { canVibrate, tryPulses } from "../haptics.ts";
import { languageCodes } from "../language.ts";
import { follow, Part } from "../part.ts";
import { amountRow, listRow, pillsRow, switchRow } from "../parts/setting.ts";
import { preferences } from "../preferences.ts";
import type { Screen } from "../router.ts";
import { canSound } from "../sound/output.ts";
import { tryHeart, tryTone } from "../sound/sample.ts";
import { canSpeak, hush, say } from "../speech.ts";
import { halves, paceWords, splitSeconds, volumeWords } from "../setting-words.ts";
import { hasOthers, who } from "../who.ts";

const LINKS: readonly Screen[] = ["path", "history", "assess", "data", "home"];

export class SettingsScreen extends Part {
  #unfollow: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unfollow = follow(preferences, () => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unfollow?.();
    hush();
  }

  protected override render(): TemplateResult {
    const c = copy.settings;
    return html`<section class="screen narrow settings">
      <h1 tabindex="-1">${c.title}</h1>
      <p class="lead">${c.lead}</p>
      ${section("eyes", c.eyes, this.#eyes())} ${section("sound", c.sound, this.#sound())}
      ${folded("pacer", c.pacer, this.#pacer())} ${folded("you", c.you, this.#you())}
      ${folded("place", c.place, this.#place())}
      <nav class="setting-section" aria-labelledby="more-title">
        <h2 id="more-title">${c.moreTitle}</h2>
        <div class="lines">
          ${who.me?.shared ? html`<a class="line" href="#account" data-testid="to-account">${copy.account}</a>` : nothing}
          ${hasOthers()
            ? html`<a class="line" href="#sharing" data-testid="to-sharing">${copy.whoSees}</a>`
            : nothing}
          ${LINKS.map(
            (screen) => html`<a class="line" href=${`#${screen}`}>${c.links[screen as keyof typeof c.links]}</a>`,
          )}
        </div>
      </nav>
    </section>`;
  }

  #eyes(): TemplateResult {
    const c = copy.settings;
    return switchRow("eyesClosed", c.eyesClosed, c.eyesLead, (on) => preferences.closeEyes(on));
  }

  #sound(): TemplateResult {
    const c = copy.settings;
    const volume = (name: "tone" | "heart" | "voice", able: boolean, sorry: string, attempt: () => void) =>
      able
        ? amountRow({ name, title: c[name], lead: c[`${name}Lead`], words: volumeWords, attempt })
        : html`<div class="setting">
            <h3>${c[name]}</h3>
            <p class="quiet" data-testid=${`${name}-none`}>${sorry}</p>
          </div>`;
    return html`
      ${volume("tone", canSound, c.noSound, () => tryTone(preferences.get("tone")))}
      ${volume("heart", canSound, c.noSound, () => tryHeart(preferences.get("heart")))}
      ${volume("voice", canSpeak, c.noVoice, () => {
        hush();
        say(copy.spoken.begin);
      })}
      ${canVibrate
        ? html`${switchRow("vibrate", c.vibrate, c.vibrateLead)}
            <button
              class="button slim setting-try"
              type="button"
              aria-label=${c.tryOf(c.vibrate)}
              data-testid="vibrate-try"
              @click=${tryPulses}
            >
              ${c.try}
            </button>`
        : html`<div class="setting">
            <h3>${c.vibrate}</h3>
            <p class="quiet" data-testid="vibrate-none">${c.noVibrate}</p>
          </div>`}
    `;
  }

  #pacer(): TemplateResult {
    const c = copy.settings;
    const [rateBpm, inhalePct, restMs] = [
      preferences.get("rateBpm"),
      preferences.get("inhalePct"),
      preferences.get("restMs"),
    ];
    return html`
      ${pillsRow("form", c.form, c.forms)}
      ${amountRow({ name: "rateBpm", title: c.rate, words: paceWords })}
      ${amountRow({
        name: "inhalePct",
        title: c.split,
        words: (share) => c.splitWords(...splitSeconds(rateBpm, share, restMs)),
      })}
      ${amountRow({ name: "restMs", title: c.rest, words: (ms) => c.restWords(halves(ms / 1000)) })}
      ${rateBpm === 6 && inhalePct === 40 && restMs === 0
        ? ""
        : html`<button
            class="button slim setting-try"
            type="button"
            data-testid="usual-pace"
            @click=${() => {
              preferences.set("rateBpm", 6);
              preferences.set("inhalePct", 40);
              preferences.set("restMs", 0);
            }}
          >
            ${c.usual}
          </button>`}
      ${switchRow("ramp", c.ramp, c.rampLead)} ${switchRow("adaptive", c.adaptive, c.adaptiveLead)}
    `;
  }

  #you(): TemplateResult {
    const c = copy.settings;
    return html`
      ${pillsRow("posture", c.posture, c.postures)}
      <div class="setting">
        <h3>${c.ask}</h3>
        ${switchRow("askCraving", c.askCraving)} ${switchRow("askMood", c.askMood)}
      </div>
      ${switchRow("pause", c.pause)}
    `;
  }

  #place(): TemplateResult {
    const c = copy.settings;
    const languages = Object.fromEntries(languageCodes.map((code) => [code, nativeName(code)]));
    const countries = Object.entries(copy.crisis.countries).map(([code, { name }]) => [code, name]);
    return html`
      ${listRow("language", c.language, { "": c.asBrowser, ...languages }, (code) => {
        preferences.set("language", code);
        location.reload(); // the words are set once, before any screen is loaded
      })}
      ${listRow("country", c.country, { "": c.noCountry, ...Object.fromEntries(countries) })}
    `;
  }
}
customElements.define("bf-settings", SettingsScreen);

function section(id: string, title: string, body: TemplateResult): TemplateResult {
  return html`<section class="setting-section" aria-labelledby=${`${id}-title`}>
    <h2 id=${`${id}-title`}>${title}</h2>
    ${body}
  </section>`;
}

/** What is seldom changed stays folded, so that the page is short. */
function folded(id: string, title: string, body: TemplateResult): TemplateResult {
  return html`<details class="setting-section" data-testid=${`section-${id}`}>
    <summary><h2>${title}</h2></summary>
    ${body}
  </details>`;
}

/** A language in its own words, as its speakers look for it. */
function nativeName(code: string): string {
  const name = new Intl.DisplayNames([code], { type: "language" }).of(code) ?? code;
  return name.charAt(0).toLocaleUpperCase(code) + name.slice(1);
}
