/** Screens whose code comes when they are first opened: a practice never waits for it. */

import { html, type TemplateResult } from "lit";
import { loadLater } from "../copy-later.ts";
import type { Feed } from "../feed.ts";
import type { Screen } from "../router.ts";

/** Code that has words beside those of the page. */
function worded(load: () => Promise<unknown>): () => Promise<unknown> {
  // One after the other: a screen that is there draws itself, and needs its words.
  return () => loadLater().then(load);
}

/** Before the door: who comes without a sign-in, and who was invited. */
export const doorScreens = {
  closed: worded(() => import("./sign-in.ts")),
  invited: worded(() => import("./invite.ts")),
} as const;

/** What a session needs that is shared, or may be. */
export const loadCompany = worded(() => import("../parts/company.ts"));

export interface LateScreen {
  readonly load: () => Promise<unknown>;
  readonly render: (id: string, feed: Feed | null) => TemplateResult;
}

export const lateScreens: Readonly<Partial<Record<Screen, LateScreen>>> = {
  pause: {
    load: () => import("./pause.ts"),
    render: () => html`<bf-pause></bf-pause>`,
  },
  breathe: {
    load: () => import("./breathe.ts"),
    render: () => html`<bf-breathe></bf-breathe>`,
  },
  done: {
    load: () => import("./done.ts"),
    render: (id) => html`<bf-done session=${id}></bf-done>`,
  },
  replay: {
    load: () => import("./replay.ts"),
    render: (_, feed) => html`<bf-replay .feed=${feed}></bf-replay>`,
  },
  settings: {
    load: () => import("./settings.ts"),
    render: () => html`<bf-settings></bf-settings>`,
  },
  account: {
    load: worded(() => import("./account.ts")),
    render: () => html`<bf-account></bf-account>`,
  },
  sharing: {
    load: worded(() => import("./sharing.ts")),
    render: () => html`<bf-sharing></bf-sharing>`,
  },
  first: {
    load: () => import("./first.ts"),
    render: (id) => html`<bf-first session=${id}></bf-first>`,
  },
  path: {
    load: () => import("./path.ts"),
    render: () => html`<bf-path></bf-path>`,
  },
  week: {
    load: () => import("./week.ts"),
    render: () => html`<bf-week></bf-week>`,
  },
  history: {
    load: () => import("./history.ts"),
    render: () => html`<bf-history></bf-history>`,
  },
  data: {
    load: worded(() => import("./data.ts")),
    render: () => html`<bf-data></bf-data>`,
  },
  assess: {
    load: worded(() => import("./assess.ts")),
    render: (id, feed) => html`<bf-assess session=${id} .feed=${feed}></bf-assess>`,
  },
  plan: {
    load: () => import("./plan.ts"),
    render: (_, feed) => html`<bf-plan .feed=${feed}></bf-plan>`,
  },
  recordings: {
    load: () => import("./research.ts"),
    render: () => html`<bf-recordings></bf-recordings>`,
  },
  review: {
    load: () => import("./research.ts"),
    render: (id) => html`<bf-review recording=${id}></bf-review>`,
  },
  room: {
    load: () => import("./room.ts"),
    render: (id) => html`<bf-live-room session=${id}></bf-live-room>`,
  },
  people: {
    load: () => import("./room.ts"),
    render: (id) => html`<bf-people person=${id}></bf-people>`,
  },
  accounts: {
    load: () => import("./room.ts"),
    render: () => html`<bf-accounts></bf-accounts>`,
  },
};

/** The service may be gone by the time that these are needed. */
export const loadedBeforehand: readonly Screen[] = ["pause", "breathe", "done"];

/** These need no service and no sign-in. */
export const openWithoutService: ReadonlySet<Screen> = new Set<Screen>(["pause", "breathe"]);
