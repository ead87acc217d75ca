/** In the head of the page: who is signed in, and the way out. Tells the service that somebody works here. */

import { html, nothing, type TemplateResult } from "lit";
import { roleWords, words } from "../copy-room.ts";
import { Part } from "../part.ts";
import { Rest } from "../rest.ts";
import { room } from "../room-api.ts";
import type { Screen } from "../router.ts";
import { type Me, type Role, who } from "../who.ts";

/** Whoever reads and points is not idle. */
const TOUCHES = ["pointerdown", "pointermove", "keydown", "wheel"] as const;
const LOOK_EVERY_MS = 5_000;

const desks: Readonly<Partial<Record<Role, "room" | "recordings" | "accounts">>> = {
  therapist: "room",
  researcher: "recordings",
  admin: "accounts",
};
/** These have the way between the pages themselves. */
const withNav: ReadonlySet<Screen> = new Set<Screen>(["room", "people", "accounts", "recordings"]);

export class WhoPart extends Part {
  static override properties = { me: { attribute: false }, here: { attribute: false }, soon: { state: true } };
  declare me: Me | null;
  declare here: Screen;
  /** Whether they will be signed out soon. */
  declare soon: boolean;
  // By the clock on the wall: the others may rest while the computer sleeps.
  #rest = new Rest(Date.now());
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.soon = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#rest = new Rest(Date.now());
    for (const name of TOUCHES) window.addEventListener(name, this.#here, { passive: true });
    this.#timer = setInterval(() => (this.soon = this.#rest.isLong(Date.now())), LOOK_EVERY_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const name of TOUCHES) window.removeEventListener(name, this.#here);
    clearInterval(this.#timer);
  }

  readonly #here = (): void => {
    if (!this.#rest.touched(Date.now())) return;
    this.soon = false;
    room.here().catch((problem: unknown) => this.tell("problem", problem));
  };

  async #out(): Promise<void> {
    try {
      await room.signOut();
      history.replaceState(null, "", location.pathname);
      who.me = null;
      this.tell("who");
    } catch (problem) {
      this.tell("problem", problem);
    }
  }

  protected override render(): TemplateResult | typeof nothing {
    const { me } = this;
    if (!me?.shared || !me.display) return nothing;
    const n = words.nav;
    const desk = desks[me.role];
    return html`${desk && !withNav.has(this.here)
        ? html`<a class="button help-button" href=${`#${desk}`} data-testid="desk">${n[desk]}</a>`
        : nothing}
      <a class="who" href="#account" data-testid="who">
        <span class="sr-only">${n.signedIn(me.display, roleWords[me.role])}</span>
        <span aria-hidden="true">${me.display}</span>
      </a>
      <button class="button help-button" type="button" data-testid="sign-out" @click=${() => this.#out()}>
        ${n.signOut}
      </button>
      <div class="soon-out" role="status">
        ${this.soon ? html`<p class="notice" data-testid="soon-out">${n.soonOut}</p>` : nothing}
      </div>`;
  }
}
customElements.define("bf-who", WhoPart);
