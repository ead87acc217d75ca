/** The rows of the settings: an amount, a switch, one of several. Never only a drag. */

import { html, nothing, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import { type Choices, limits, preferences } from "../preferences.ts";

/** A name of a choice that holds a value of type `T`. */
type NameOf<T> = { [K in keyof Choices]: Choices[K] extends T ? K : never }[keyof Choices];

export interface AmountRow {
  readonly name: keyof typeof limits;
  readonly title: string;
  readonly lead?: string;
  /** The amount in words: a number alone says little. */
  readonly words: (value: number) => string;
  /** Plays or says it. */
  readonly attempt?: () => void;
}

/** A range with − and + beside it; each of the three does the same. */
export function amountRow({ name, title, lead, words, attempt }: AmountRow): TemplateResult {
  const c = copy.settings;
  const { low, high, step } = limits[name];
  const value = preferences.get(name);
  const set = (wanted: number): void => preferences.set(name, stepped(wanted, low, high));
  return html`<div class="setting" role="group" aria-labelledby=${`${name}-title`}>
    <div class="setting-head">
      <h3 id=${`${name}-title`}>${title}</h3>
      <span class="setting-value" data-testid=${`${name}-words`}>${words(value)}</span>
    </div>
    ${lead ? html`<p class="quiet">${lead}</p>` : nothing}
    <div class="amount">
      <button
        class="button"
        type="button"
        aria-label=${c.less(title)}
        data-testid=${`${name}-less`}
        ?disabled=${value <= low}
        @click=${() => set(before(value, step))}
      >
        −
      </button>
      <input
        type="range"
        aria-labelledby=${`${name}-title`}
        aria-valuetext=${words(value)}
        data-testid=${name}
        min=${low}
        max=${high}
        step=${step}
        .value=${String(value)}
        @input=${(event: Event) => set(Number((event.target as HTMLInputElement).value))}
      />
      <button
        class="button"
        type="button"
        aria-label=${c.more(title)}
        data-testid=${`${name}-more`}
        ?disabled=${value >= high}
        @click=${() => set(after(value, step))}
      >
        +
      </button>
    </div>
    ${attempt
      ? html`<button
          class="button slim setting-try"
          type="button"
          aria-label=${c.tryOf(title)}
          ?disabled=${value === 0}
          data-testid=${`${name}-try`}
          @click=${attempt}
        >
          ${c.try}
        </button>`
      : nothing}
  </div>`;
}

/** The next step below or above; from between two steps it goes to a whole one. */
export function before(value: number, step: number): number {
  return (Math.ceil(value / step - 1e-6) - 1) * step;
}

export function after(value: number, step: number): number {
  return (Math.floor(value / step + 1e-6) + 1) * step;
}

function stepped(value: number, low: number, high: number): number {
  return Math.min(Math.max(Math.round(value * 100) / 100, low), high);
}

/** On or off. */
export function switchRow(
  name: NameOf<boolean>,
  title: string,
  lead = "",
  set: (on: boolean) => void = (on) => preferences.set(name, on),
): TemplateResult {
  return html`<label class="switch">
    <input
      type="checkbox"
      role="switch"
      data-testid=${name}
      .checked=${preferences.get(name)}
      @change=${(event: Event) => set((event.target as HTMLInputElement).checked)}
    />
    <span class="card-words">
      <span class="card-name">${title}</span>
      ${lead ? html`<span class="quiet">${lead}</span>` : nothing}
    </span>
  </label>`;
}

/** One of a few, all of them in sight. */
export function pillsRow<K extends NameOf<string>>(
  name: K,
  title: string,
  options: Readonly<Record<Choices[K] & string, string>>,
): TemplateResult {
  return html`<fieldset class="setting">
    <legend><h3>${title}</h3></legend>
    <div class="pills two">
      ${(Object.entries(options) as [Choices[K] & string, string][]).map(
        ([value, words]) => html`<label class="pill">
          <input
            type="radio"
            name=${name}
            value=${value}
            .checked=${preferences.get(name) === value}
            @change=${() => preferences.set(name, value)}
          />
          <span>${words}</span>
        </label>`,
      )}
    </div>
  </fieldset>`;
}

/** One of many. */
export function listRow(
  name: "language" | "country",
  title: string,
  options: Readonly<Record<string, string>>,
  set: (value: string) => void = (value) => preferences.set(name, value),
): TemplateResult {
  const chosen = preferences.get(name);
  return html`<label class="setting list-row">
    <span class="card-name">${title}</span>
    <select data-testid=${name} @change=${(event: Event) => set((event.target as HTMLSelectElement).value)}>
      ${Object.entries(options).map(
        ([value, words]) => html`<option value=${value} ?selected=${value === chosen}>${words}</option>`,
      )}
    </select>
  </label>`;
}
