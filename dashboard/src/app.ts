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
import { go, readRoute, type Route, type Screen, takeToken } from "./router.ts";
import "./screens/ask.ts";
import "./screens/dizzy.ts";
import "./screens/home.ts";
import "./screens/practice.ts";
import { doorScreens, lateScreens, loadCompany, loadedBeforehand, openWithoutService } from "./screens/late.ts";
import { type Me, type Role, who } from "./who.ts";
import { problemWords, whenWords } from "./words.ts";

interface Label {
  readonly testid: string;
  readonly words: string;
}

/** The first screen is there by now. */
const SETTLED_MS = 1500;

type Door = "opening" | "open" | "closed" | "invited" | "unreachable";

/** Where a session begins: then it is asked whether somebody may watch. */
const BEGINS: ReadonlySet<Screen> = new Set<Screen>(["before", "plan", "assess"]);

/** Where the day of those begins who work here. */
const DESKS: Readonly<Partial<Record<Role, Screen>>> = {
  therapist: "room",
  researcher: "recordings",
  admin: "accounts",
};

export class App extends Part {
  static override properties = {
    door: { state: true },
    route: { state: true },
    feed: { state: true },
    labels: { state: true },
    speed: { state: true },
    notice: { state: true },
    company: { state: true },
    signedOut: { state: true },
  };
  declare door: Door;
  declare route: Route;
  declare feed: Feed | null;
  /** What the header says of the heart on screen: replay, simulated, or nothing. */
  declare labels: readonly Label[];
  /** How fast a replay goes, which its label tells. */
  declare speed: number | null;
  declare notice: { words: string; advice: string } | null;
  /** Whether the code for a session that is shared is here. */
  declare company: boolean;
  /** Whether the sign-in of whoever practises here ended meanwhile. */
  declare signedOut: boolean;
  #token = takeToken();
  #invite = takeToken("invite");
  /** The sessions of which it is known by now whether they are shared. */
  #asked = new Set<string>();
  #left = new Set<string>();
  /** Which of the steps from screen to screen is the newest. */
  #step = 0;
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
    this.company = false;
    this.signedOut = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("hashchange", () => {
      // A fresh link opened in a tab that shows this page: only the fragment changes.
      const token = takeToken();
      const invite = takeToken("invite");
      if (token ?? invite) {
        this.#token = token;
        this.#invite = invite;
        void this.#enter();
      } else void this.#move();
    });
    // Who is here has changed: signed in, or out.
    this.addEventListener("who", (event) => {
      const me = (event as CustomEvent<Me | undefined>).detail;
      // Signed out in a session: it is followed again, and nothing of it is lost.
      if (this.door === "open" && this.signedOut && me && me.person.id === who.me?.person.id) {
        this.feed?.resume();
        return;
      }
      this.#invite = null;
      this.#drop();
      void this.#enter();
    });
    this.addEventListener("asked", (event) => {
      this.#asked.add((event as CustomEvent<string>).detail);
      this.requestUpdate();
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
    if (this.#invite) return this.#stand("invited");
    try {
      const byLink = this.#token !== null;
      who.me = await (this.#token ? this.#signIn(this.#token) : api.me());
      this.#token = null;
      if (who.me.shared) await (await import("./whose.ts")).makeOwn(who.me.person.id);
      const desk = DESKS[who.me.role];
      if (desk) {
        await lateScreens.room?.load(); // the head of their pages is in it
        if (location.hash.length < 2) history.replaceState(null, "", `#${desk}`);
        this.route = readRoute(location.hash);
      }
      // `run --simulate` and `run --strap` begin at once: the link leads straight there.
      const begun = byLink ? (await api.sessions(true)).find((s) => s.source !== "replay") : undefined;
      const first = preferences.get("askedFirst") === "" ? "first" : "before";
      if (begun) this.route = { screen: first, id: begun.id };
      this.door = "open";
      this.notice = null;
      void diaryBox.flush(); // what was noted while the service was away
      if (begun) go(first, begun.id);
      else await this.#move();
    } catch (problem) {
      await this.#stand(problem instanceof Unreachable ? "unreachable" : "closed");
    }
  }

  /** Stays before the door. */
  async #stand(door: Exclude<Door, "open">): Promise<void> {
    try {
      if (door in doorScreens) await doorScreens[door as keyof typeof doorScreens]();
      this.door = door;
    } catch {
      this.door = "unreachable";
    }
    await this.#move();
  }

  async #signIn(token: string): Promise<Me> {
    try {
      return await api.signIn(token);
    } catch (problem) {
      if (!(problem instanceof ApiProblem)) throw problem;
      return api.me(); // a used link is fine for someone who is still signed in
    }
  }

  /** Follows the address: makes the session at hand match it, then shows the screen. */
  async #move(): Promise<void> {
    let route = readRoute(location.hash);
    // Whoever went on meanwhile is not taken back by an answer that comes late.
    const step = ++this.#step;
    const late = (): boolean => step !== this.#step;
    if (this.door !== "open" && !openWithoutService.has(route.screen)) {
      this.route = route; // the door stands before it
      return;
    }
    try {
      await lateScreens[route.screen]?.load();
      if (late()) return;
      if (this.door !== "open") {
        this.#drop();
      } else if (route.screen === "home") {
        const live = await this.#liveReplay();
        if (late()) return;
        if (live) return go("replay", live.id);
        this.#drop();
      } else if (route.id === "" || standsAlone(route)) {
        this.#drop();
      } else if (this.feed?.session.id !== route.id) {
        this.#drop();
        const session = await api.session(route.id);
        route = settle(route, session);
        await lateScreens[route.screen]?.load();
        if (needsFeed(route) && this.#mayShare(route)) await this.#loadCompany();
        if (late()) return;
        if (needsFeed(route)) {
          this.feed = new Feed(session);
          this.feed.addEventListener("change", () => {
            this.speed = this.feed?.replay?.speed ?? session.speed;
            void this.#heardOut();
            if (!this.company && this.feed?.entries.some((e) => e.type === "sharing")) void this.#loadCompany();
          });
        }
        this.#labelFor(session);
      }
    } catch (problem) {
      this.#problem(problem);
      if (problem instanceof ApiProblem && problem.status === 404 && !late()) go("home");
      return;
    }
    if (route.screen === "done") this.#drop(true);
    this.route = route;
    this.notice = null;
  }

  /** The page of the session stays; the way back in stands above it. */
  async #heardOut(): Promise<void> {
    if (this.feed?.signedOut) await doorScreens.closed().catch(() => undefined);
    this.signedOut = this.feed?.signedOut ?? false;
  }

  #mayShare({ screen, id }: Route): boolean {
    return who.me?.shares === true && BEGINS.has(screen) && !this.#asked.has(id);
  }

  async #loadCompany(): Promise<void> {
    await loadCompany().then(
      () => (this.company = true),
      () => undefined, // without it nothing is shared, and the practice goes on
    );
  }

  async #liveReplay(): Promise<Session | undefined> {
    const sessions = await api.sessions(true);
    return sessions.find((s) => s.source === "replay" && !this.#left.has(s.id));
  }

  #drop(keepLabel = false): void {
    if (this.feed) this.#last = { id: this.feed.session.id, metrics: this.feed.metrics };
    this.feed?.close();
    this.feed = null;
    this.signedOut = false;
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
      if (problem.status === 401) {
        if (this.feed && needsFeed(readRoute(location.hash))) this.feed.signOut();
        else void this.#stand("closed");
      } else {
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
          ${this.door === "open" && who.me && DESKS[who.me.role]
            ? html`<bf-who .me=${who.me} .here=${this.route.screen}></bf-who>`
            : preferences.get("pause") && this.route.screen !== "pause"
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
        ${this.signedOut ? html`<bf-sign-in again></bf-sign-in>` : nothing}
        ${this.company && this.feed && this.feed.session.source !== "replay"
          ? html`<bf-company .feed=${this.feed} screen=${this.route.screen}></bf-company>`
          : nothing}
        ${this.#screen()}
      </main>
    `;
  }

  #screen(): TemplateResult | typeof nothing {
    const late = lateScreens[this.route.screen];
    if (late && openWithoutService.has(this.route.screen)) return late.render(this.route.id, null);
    if (this.door === "closed") return html`<bf-sign-in></bf-sign-in>`;
    if (this.door === "invited") return html`<bf-invite .token=${this.#invite}></bf-invite>`;
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
    if (this.door === "opening") return html`<p class="screen quiet">${copy.opening}</p>`;
    const { screen, id } = this.route;
    const { feed } = this;
    if (screen === "home") return html`<bf-home></bf-home>`;
    if (late && (id === "" || standsAlone(this.route))) return late.render(id, null);
    if (screen === "done") {
      const metrics = this.#last?.id === id ? this.#last.metrics : null;
      return html`<bf-done session=${id} .metrics=${metrics}></bf-done>`;
    }
    if (screen === "dizzy") return html`<bf-dizzy session=${id}></bf-dizzy>`;
    if (!feed || feed.session.id !== id) return nothing;
    if (this.company && this.#mayShare(this.route)) return html`<bf-share-ask .feed=${feed}></bf-share-ask>`;
    if (late) return late.render(id, feed);
    if (screen === "practice") return html`<bf-practice .feed=${feed}></bf-practice>`;
    return screen === "before"
      ? html`<bf-ask moment="before" .feed=${feed}></bf-ask>`
      : html`<div class="after"><bf-ask moment="after" .feed=${feed}></bf-ask></div>`;
  }
}
customElements.define("bf-app", App);

/** What such a screen shows it fetches itself. */
function standsAlone({ screen }: Route): boolean {
  return ["first", "review", "room", "people"].includes(screen);
}

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
