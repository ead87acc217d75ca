/** Where the person is: `#screen/session`. Nothing else is kept in the address. */

/** Screens that stand for themselves, and those of one session, which have its id. */
const alone = [
  "home",
  "pause",
  "breathe",
  "settings",
  "account",
  "sharing",
  "path",
  "week",
  "history",
  "data",
  "recordings",
  "accounts",
] as const;
const ofSession = ["before", "practice", "after", "dizzy", "done", "replay", "review"] as const;
/** Begins without a session, and then goes on in one. */
const either = ["assess", "plan", "first"] as const;
/** A list of its own, with one of it beside. */
const lists = ["room", "people"] as const;

export type Screen =
  | (typeof alone)[number]
  | (typeof ofSession)[number]
  | (typeof either)[number]
  | (typeof lists)[number];

export interface Route {
  readonly screen: Screen;
  readonly id: string;
}

export function readRoute(hash: string): Route {
  const [name = "", coded = ""] = hash.replace(/^#/, "").split("/");
  const id = decodeURIComponent(coded);
  const is = (screens: readonly Screen[]): Screen | undefined => screens.find((known) => known === name);
  const own = is(alone) ?? (id === "" ? is(either) : undefined);
  if (own) return { screen: own, id: "" };
  const list = is(lists);
  if (list) return { screen: list, id };
  const session = id === "" ? undefined : (is(ofSession) ?? is(either));
  return session ? { screen: session, id } : { screen: "home", id: "" };
}

/** Steps of one sitting: they replace one another, so Back leads to where it began. */
const steps: ReadonlySet<Screen> = new Set<Screen>([...ofSession, "assess", "plan"]);

/** Goes on, to another screen. */
export function go(screen: Screen, id = ""): void {
  const hash = id ? `#${screen}/${encodeURIComponent(id)}` : `#${screen}`;
  const from = readRoute(location.hash).screen;
  if (from === "review" || !steps.has(from)) location.hash = hash;
  else location.replace(hash);
}

/** The one-time token of a link to sign in, or of an invite: taken out of the address at once. */
export function takeToken(name: "token" | "invite" = "token"): string | null {
  const token = new URLSearchParams(location.hash.replace(/^#/, "")).get(name);
  if (token) history.replaceState(null, "", location.pathname);
  return token;
}
