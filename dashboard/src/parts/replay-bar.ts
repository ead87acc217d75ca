/** The controls of a replay: time stops, steps, jumps, goes round, and how fast. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { copy } from "../copy.ts";
import type { Feed } from "../feed.ts";
import { follow, Part } from "../part.ts";
import { speeds } from "../speeds.ts";

const c = copy.replayBar;
const GIVE_UP_MS = 3000;
const SEEK_AFTER_MS = 250;

export class ReplayBar extends Part {
  static override properties = {
    feed: { attribute: false },
    tick: { attribute: false },
    from: { state: true },
    seeking: { state: true },
  };
  declare feed: Feed;
  /** Changes as time goes on, so that the position moves. */
  declare tick: number;
  /** Where a loop begins, once that was said and before its end is. */
  declare from: number | null;
  /** Where the thumb is held; it must not be pulled away meanwhile. */
  declare seeking: number | null;

  constructor() {
    super();
    this.from = null;
    this.seeking = null;
  }

  /** When a jump was asked for; the thumb stays there until it has come. */
  #soughtMs = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  #unfollow: (() => void) | undefined;

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("feed")) {
      this.#unfollow?.();
      this.#unfollow = follow(this.feed, () => this.requestUpdate());
    }
    if (this.seeking === null || this.#soughtMs === Infinity) return;
    const there = Math.abs(this.#positionMs - this.seeking) < 1000;
    if (there || performance.now() - this.#soughtMs > GIVE_UP_MS) this.seeking = null;
  }

  /** A key that is held down moves the thumb often; the last place counts. */
  #seek(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#sendSeek(), SEEK_AFTER_MS);
  }

  #sendSeek(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.feed.command({ kind: "replay.seek", t_ms: this.seeking ?? 0 });
    this.#soughtMs = performance.now();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    this.#unfollow?.();
  }

  /** Anything else comes after the jump that was asked for before it. */
  #send(command: Readonly<Record<string, unknown>>): void {
    if (this.#timer !== undefined) this.#sendSeek();
    if (command["kind"] !== "replay.set") this.seeking = null;
    this.feed.command(command);
  }

  get #positionMs(): number {
    return this.feed.nowMs() ?? this.feed.replay?.position_ms ?? 0;
  }

  #loop(): void {
    const { replay } = this.feed;
    if (replay?.loop) {
      this.#send({ kind: "replay.loop", from_ms: null, to_ms: null });
      this.from = null;
    } else if (this.from === null) {
      this.from = this.#positionMs;
    } else {
      const [from_ms, to_ms] = [this.from, this.#positionMs].sort((a, b) => a - b);
      this.from = null;
      if (to_ms! - from_ms! >= 1000) this.#send({ kind: "replay.loop", from_ms, to_ms });
    }
  }

  protected override render(): TemplateResult {
    const { replay } = this.feed;
    const speed = replay?.speed ?? this.feed.session.speed ?? 1;
    const state = replay?.state ?? "playing";
    const playing = state === "playing";
    const durationMs = Math.max(replay?.duration_ms ?? 0, 1);
    const positionMs = Math.min(this.seeking ?? this.#positionMs, replay ? durationMs : Infinity);
    const off = !replay || !this.feed.connected;
    return html`<section class="replay-bar" aria-label=${c.title} data-testid="replay-bar" data-state=${state}>
      <p class="replay-words">
        <strong data-testid="replay-words">${c.words(speed, c.states[state])}</strong>
        <span class="quiet" data-testid="replay-position">
          ${replay ? c.position(clockWords(positionMs), clockWords(durationMs)) : clockWords(positionMs)}
        </span>
      </p>
      <input
        type="range"
        class="seek"
        min="0"
        max=${Math.round(durationMs)}
        step="1000"
        .value=${String(Math.round(positionMs))}
        aria-label=${c.seek}
        aria-valuetext=${clockWords(positionMs)}
        data-testid="replay-seek"
        ?disabled=${off}
        @input=${(event: Event) => {
          this.seeking = Number((event.target as HTMLInputElement).value);
          this.#soughtMs = Infinity;
        }}
        @change=${() => this.#seek()}
      />
      <div class="replay-buttons">
        ${this.#button("replay-play", playing ? c.pause : c.play, off, () =>
          this.#send({ kind: "replay.set", playing: !playing }),
        )}
        ${(["beat", "tick", "event"] as const).map((to) =>
          this.#button(`replay-${to}`, c.step[to], off, () => this.#send({ kind: "replay.step", to })),
        )}
        <label class="replay-speed">
          <span>${c.speed}</span>
          <select
            data-testid="replay-speed"
            ?disabled=${off}
            @change=${(event: Event) =>
              this.#send({ kind: "replay.set", speed: Number((event.target as HTMLSelectElement).value) })}
          >
            ${[...new Set([...speeds, speed])]
              .sort((a, b) => a - b)
              .map((one) => html`<option value=${one} ?selected=${one === speed}>${one}×</option>`)}
          </select>
        </label>
        ${this.#button("replay-loop", replay?.loop ? c.loopOff : this.from === null ? c.loopFrom : c.loopTo, off, () =>
          this.#loop(),
        )}
      </div>
      ${replay?.loop
        ? html`<p class="quiet" data-testid="replay-looping">
            ${c.looping(clockWords(replay.loop.from_ms), clockWords(replay.loop.to_ms))}
          </p>`
        : nothing}
    </section>`;
  }

  #button(testid: string, said: string, off: boolean, act: () => void): TemplateResult {
    return html`<button class="button slim" type="button" data-testid=${testid} ?disabled=${off} @click=${act}>
      ${said}
    </button>`;
  }
}
customElements.define("bf-replay-bar", ReplayBar);

function clockWords(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${Math.floor((seconds % 3600) / 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest.padStart(5, "0")}` : rest;
}
