/** Screens whose code comes when they are first opened: a practice never waits for it. */

import { html, type TemplateResult } from "lit";
import type { Feed } from "../feed.ts";
import type { Screen } from "../router.ts";

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
  first: {
    load: () => import("./first.ts"),
    render: () => html`<bf-first></bf-first>`,
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
    load: () => import("./data.ts"),
    render: () => html`<bf-data></bf-data>`,
  },
  assess: {
    load: () => import("./assess.ts"),
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
};

/** The service may be gone by the time that these are needed. */
export const loadedBeforehand: readonly Screen[] = ["pause", "breathe", "done"];

/** These need no service and no sign-in. */
export const openWithoutService: ReadonlySet<Screen> = new Set<Screen>(["pause", "breathe"]);
