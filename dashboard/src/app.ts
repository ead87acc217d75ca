/** The page: who is here, which screen, one header that never changes its place. */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { api, ApiProblem, Unreachable } from "./api.ts";
import { copy } from "./copy.ts";
import { diaryBox } from "./diary-box.ts";
import { Feed } from "./feed.ts";
import { outbox } from "./outboxes.ts";
import { Part } from "./part.ts";
import "./parts/help.ts";
import { preferences } from "./preferences.ts";
import type { Metrics, Session } from "./protocol.ts";
import { go, readRoute, type Route, takeToken } from "./router.ts";
import "./screens/ask.ts";
import "./screens/dizzy.ts";
import "./screens/home.ts";
import "./screens/practice.ts";
import { lateScreens, loadedBeforehand, openWithoutService } from "./screens/late.ts";
import "./screens/sign-in.ts";
import { problemWords, whenWords } from "./words.ts";

interface Label {
  readonly testid: string;
  readonly words: string;
}

/** The first screen is there by now. */
const SETTLED_MS = 1500;

type Door = "opening" | "open" | "closed" | "unreachable";

export class App extends Part {
  static override properties = {
    door: { state: true },
    route: { state: true },
    feed: { state: true },
    labels: { state: true },
    speed: { state: true },
    notice: { state: true },
  };
  declare door: Door;
  declare route: Route;
  declare feed: Feed | null;
  /** What the header says of the heart on screen: replay, simulated, or nothing. */
  declare labels: readonly Label[];
  /** How fast a replay goes, which its label tells. */
  declare speed: number | null;
  declare notice: { words: string; advice: string } | null;
  #token = takeToken();
  #left = new Set<string>();
  /** What was told last of the session that was left, for its last page. */
  #last: { readonly id: string; readonly metrics: Metrics | null } | null = null;

  constructor() {
    super();
    this.door = "opening";
    this.route = readRoute(location.hash);
    this.feed = null;
    this.labels = [];
    this.speed = null;
    this.notice = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("hashchange", () => {
      // A fresh link opened in a tab that shows this page: only the fragment changes.
      const token = takeToken();
      if (token) {
        this.#token = token;
        void this.#enter();
      } else void this.#move();
    });
    this.addEventListener("problem", (event) => this.#problem((event as CustomEvent).detail));
    this.addEventListener("left-replay", (event) => this.#left.add((event as CustomEvent).detail));
    this.addEventListener("session", (event) => this.#labelFor((event as CustomEvent<Session>).detail));
    for (const box of [outbox, diaryBox]) {
      box.addEventListener("refused", () => this.#say(copy.answerRefused));
    }
    outbox.addEventListener("change", () => {
      if (outbox.stuck) this.#say(copy.answersWait);
      else if (this.notice?.words === copy.answersWait) this.notice = null;
    });
    void this.#enter();
    // A pause must open when the service is gone by then.
    const beforehand = (): void =>
      loadedBeforehand.forEach((screen) => lateScreens[screen]?.load().catch(() => undefined));
    setTimeout(beforehand, SETTLED_MS);
  }

  async #enter(): Promise<void> {
    try {
      const byLink = this.#token !== null;
      if (this.#token) await this.#signIn(this.#token);
      else await api.me();
      this.#token = null;
      // `run --simulate` and `run --strap` begin at once: the link leads straight there.
      const begun = byLink ? (await api.sessions(true)).find((s) => s.source !== "replay") : undefined;
      if (begun) this.route = { screen: "before", id: begun.id };
      this.door = "open";
      this.notice = null;
      void diaryBox.flush(); // what was noted while the service was away
      if (begun) go("before", begun.id);
      else await this.#move();
    } catch (problem) {
      this.door = problem instanceof Unreachable ? "unreachable" : "closed";
      await this.#move();
    }
  }

  async #signIn(token: string): Promise<void> {
    try {
      await api.signIn(token);
    } catch (problem) {
      if (!(problem instanceof ApiProblem)) throw problem;
      await api.me(); // a used link is fine for someone who is still signed in
    }
  }

  /** Follows the address: makes the session at hand match it, then shows the screen. */
  async #move(): Promise<void> {
    let route = readRoute(location.hash);
    if (this.door !== "open" && !openWithoutService.has(route.screen)) {
      this.route = route; // the door stands before it
      return;
    }
    try {
      await lateScreens[route.screen]?.load();
      if (this.door !== "open") {
        this.#drop();
      } else if (route.screen === "home") {
        const live = await this.#liveReplay();
        if (live) return go("replay", live.id);
        this.#drop();
      } else if (route.id === "" || route.screen === "review") {
        this.#drop();
      } else if (this.feed?.session.id !== route.id) {
        this.#drop();
        const session = await api.session(route.id);
        route = settle(route, session);
        await lateScreens[route.screen]?.load();
        if (needsFeed(route)) {
          this.feed = new Feed(session);
          this.feed.addEventListener("change", () => (this.speed = this.feed?.replay?.speed ?? session.speed));
        }
        this.#labelFor(session);
      }
    } catch (problem) {
      this.#problem(problem);
      if (problem instanceof ApiProblem && problem.status === 404) go("home");
      return;
    }
    if (route.screen === "done") this.#drop(true);
    this.route = route;
    this.notice = null;
  }

  async #liveReplay(): Promise<Session | undefined> {
    const sessions = await api.sessions(true);
    return sessions.find((s) => s.source === "replay" && !this.#left.has(s.id));
  }

  #drop(keepLabel = false): void {
    if (this.feed) this.#last = { id: this.feed.session.id, metrics: this.feed.metrics };
    this.feed?.close();
    this.feed = null;
    if (!keepLabel) this.labels = [];
  }

  #labelFor(session: Session): void {
    const simulated = session.simulated
      ? [{ testid: "simulated-label", words: copy.practice.simulated }]
      : [];
    const say = (words: string): void => {
      this.labels = [{ testid: "replay-label", words }, ...simulated];
    };
    if (session.source !== "replay") {
      this.labels = simulated;
      return;
    }
    say(copy.replay.label);
    // The first session is not listed when the recording is a file from elsewhere.
    void api.sessions().then(
      (all) => {
        const first = all.find((known) => known.id === session.replay_of);
        if (first) say(copy.replay.of(whenWords(first.started_at)));
      },
      () => undefined,
    );
  }

  #problem(problem: unknown): void {
    if (problem instanceof ApiProblem) {
      if (problem.status === 401) this.door = "closed";
      else {
        const { words, advice } = problemWords(problem);
        this.#say(words, advice);
      }
    } else if (problem instanceof Unreachable) {
      this.#say(copy.unreachable, copy.unreachableAdvice);
    } else {
      this.#say(copy.unknownProblem);
      console.error(problem);
    }
  }

  #say(words: string, advice = ""): void {
    this.notice = { words, advice };
  }

  protected override updated(changed: PropertyValues): void {
    if (!changed.has("route") && !changed.has("door")) return;
    // Screens render a moment later; then the heading takes the focus.
    requestAnimationFrame(() => {
      const heading = this.querySelector<HTMLElement>("main h1");
      if (!document.querySelector("dialog[open]")) heading?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
      const title = heading?.textContent?.trim();
      document.title = title ? `${title} – ${copy.name}` : copy.name;
    });
  }

  protected override render(): TemplateResult {
    return html`
      <header class="top">
        ${this.labels.length > 0
          ? html`<div class="labels">
              ${this.labels.map(
                (label) => html`<p class="chip label" data-testid=${label.testid}>
                  ${label.words}${label.testid === "replay-label" && this.speed ? `, ${this.speed}×` : nothing}
                </p>`,
              )}
            </div>`
          : html`<p class="brand"><span aria-hidden="true"></span>${copy.name}</p>`}
        <div class="top-actions">
          ${preferences.get("pause") && this.route.screen !== "pause"
            ? html`<a class="button help-button" href="#pause" data-testid="pause">${copy.pauseFirst}</a>`
            : nothing}
          <bf-help></bf-help>
        </div>
      </header>
      <main>
        <div class="notice-place" role="status">
          ${this.notice
            ? html`<div class="notice" data-testid="notice">
                <p>${this.notice.words}</p>
                ${this.notice.advice ? html`<p>${this.notice.advice}</p>` : nothing}
              </div>`
            : nothing}
        </div>
        ${this.#screen()}
      </main>
    `;
  }

  #screen(): TemplateResult | typeof nothing {
    const late = lateScreens[this.route.screen];
    if (late && openWithoutService.has(this.route.screen)) return late.render(this.route.id, null);
    if (this.door === "closed") return html`<bf-sign-in></bf-sign-in>`;
    if (this.door === "unreachable") {
      return html`<section class="screen narrow centred">
        <h1 tabindex="-1">${copy.unreachable}</h1>
        <p class="lead">${copy.unreachableAdvice}</p>
        <button class="button primary big" type="button" @click=${() => this.#enter()}>
          ${copy.tryAgain}
        </button>
        <p class="quiet">${copy.unreachableMeanwhile}</p>
        <nav class="stack meanwhile">
          <a class="button big" href="#breathe" data-testid="breathe">${copy.breathe.title}</a>
          <a class="button big" href="#pause" data-testid="pause-instead">${copy.pauseFirst}</a>
        </nav>
      </section>`;
    }
    if (this.door === "opening") return html`<p class="screen quiet">${copy.signIn.busy}</p>`;
    const { screen, id } = this.route;
    const { feed } = this;
    if (screen === "home") return html`<bf-home></bf-home>`;
    if (late && (id === "" || screen === "review")) return late.render(id, null);
    if (screen === "done") {
      const metrics = this.#last?.id === id ? this.#last.metrics : null;
      return html`<bf-done session=${id} .metrics=${metrics}></bf-done>`;
    }
    if (screen === "dizzy") return html`<bf-dizzy session=${id}></bf-dizzy>`;
    if (!feed || feed.session.id !== id) return nothing;
    if (late) return late.render(id, feed);
    if (screen === "practice") return html`<bf-practice .feed=${feed}></bf-practice>`;
    return screen === "before"
      ? html`<bf-ask moment="before" .feed=${feed}></bf-ask>`
      : html`<div class="after"><bf-ask moment="after" .feed=${feed}></bf-ask></div>`;
  }
}
customElements.define("bf-app", App);

function needsFeed(route: Route): boolean {
  return ["before", "practice", "after", "replay", "assess", "plan"].includes(route.screen);
}

/** Where an address leads, given how its session stands. */
function settle(route: Route, session: Session): Route {
  const id = session.id;
  if (session.source === "replay") return { screen: "replay", id };
  if (route.screen === "replay") return { screen: "done", id };
  const ended = session.state !== "live";
  if (!ended && route.screen === "before" && session.plan !== "practice") return { screen: "plan", id };
  return ended && route.screen !== "dizzy" ? { screen: "done", id } : route;
}
