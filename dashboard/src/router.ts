/** Where the person is: `#screen/session`. Nothing else is kept in the address. */

export const screens = [
  "home",
  "before",
  "practice",
  "after",
  "dizzy",
  "done",
  "replay",
  "recordings",
  "review",
] as const;
export type Screen = (typeof screens)[number];

export interface Route {
  readonly screen: Screen;
  readonly id: string;
}

export function readRoute(hash: string): Route {
  const [name = "", id = ""] = hash.replace(/^#/, "").split("/");
  const screen = screens.find((known) => known === name) ?? "home";
  if (screen === "recordings") return { screen, id: "" };
  return screen === "home" || id === "" ? { screen: "home", id: "" } : { screen, id: decodeURIComponent(id) };
}

/** Screens to come back to. */
const opensOthers: ReadonlySet<Screen> = new Set(["home", "recordings", "review"]);

/** Goes on. Steps of one practice replace one another, so Back leads home. */
export function go(screen: Screen, id = ""): void {
  const hash = id ? `#${screen}/${encodeURIComponent(id)}` : `#${screen}`;
  if (opensOthers.has(readRoute(location.hash).screen)) location.hash = hash;
  else location.replace(hash);
}

/** The one-time token of a sign-in link, taken out of the address at once. */
export function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.replace(/^#/, "")).get("token");
  if (token) history.replaceState(null, "", location.pathname);
  return token;
}
