/** Who may see what: consents as the service tells them, and put together for reading. */

import type { Role } from "./who.ts";

export type Stream = "heart" | "breathing" | "ratings" | "notes";
export type Purpose = "live" | "report" | "research";

export const streams: readonly Stream[] = ["heart", "breathing", "ratings", "notes"];

/** Streams in the order in which they are always told. */
export function ordered(some: readonly Stream[]): readonly Stream[] {
  return streams.filter((stream) => some.includes(stream));
}

/** What somebody of a role can be allowed. */
export const purposesOf: Readonly<Partial<Record<Role, readonly Purpose[]>>> = {
  therapist: ["live", "report"],
  researcher: ["research"],
};

/** Today, four weeks, three months, and as long as the service allows. */
export const lengthsDays = [1, 28, 91, 365] as const;

export interface Other {
  readonly account: string;
  readonly code: string;
  readonly display: string;
  readonly role: Role;
}

export interface Grantee extends Other {
  readonly invited_you: boolean;
}

export interface Consent {
  readonly id: string;
  readonly receipt: string;
  readonly account: Other;
  readonly stream: Stream;
  readonly purpose: Purpose;
  readonly granted_at: string;
  readonly expires_at: string;
  readonly revoked_at: string | null;
  readonly state: "active" | "expired" | "revoked";
}

export interface Look {
  readonly at: string;
  readonly by: { readonly code: string | null; readonly display: string; readonly role: string };
  readonly action: string;
  readonly outcome: "ok" | "refused";
}

export interface Grant {
  readonly stream: Stream;
  readonly purpose: Purpose;
}

/** What one person may see for one purpose, by one word of the patient's. */
export interface Allowed {
  readonly who: Other;
  readonly purpose: Purpose;
  readonly streams: readonly Stream[];
  readonly receipt: string;
  readonly grantedAt: string;
  readonly expiresAt: string;
  readonly revokedAt: string | null;
}

/** The consents that hold, or those that do not any more, by receipt and purpose. */
export function allowed(consents: readonly Consent[], active: boolean): readonly Allowed[] {
  const found = new Map<string, Allowed>();
  for (const one of consents) {
    if ((one.state === "active") !== active) continue;
    // Parts that ended at another time are told apart.
    const key = [one.receipt, one.account.account, one.purpose, one.revoked_at].join(" ");
    const known = found.get(key);
    found.set(key, {
      who: one.account,
      purpose: one.purpose,
      streams: ordered([...(known?.streams ?? []), one.stream]),
      receipt: one.receipt,
      grantedAt: one.granted_at,
      expiresAt: one.expires_at,
      revokedAt: one.revoked_at,
    });
  }
  const order: readonly Purpose[] = ["live", "report", "research"];
  return [...found.values()].sort((one, other) => order.indexOf(one.purpose) - order.indexOf(other.purpose));
}

/** The same by person: who may see anything, and all of what that is. */
export function byPerson(list: readonly Allowed[]): readonly (readonly Allowed[])[] {
  const found = new Map<string, Allowed[]>();
  for (const one of list) found.set(one.who.account, [...(found.get(one.who.account) ?? []), one]);
  return [...found.values()];
}

/** What others saw: not what one did oneself, and a visit once. */
export function looksOfOthers(looks: readonly Look[]): readonly Look[] {
  return looks.filter(
    ({ by, action, outcome }) => (by.code !== null || by.display !== "you") && outcome === "ok" && action !== "watch.end",
  );
}

/** Who has no name to tell: somebody who has left, or whoever looks after the computer. */
export function nameless(by: Look["by"]): "left" | "desk" | null {
  if (by.code === null) return "desk";
  return by.display === `a former ${by.role}` ? "left" : null;
}

/** Which words fit what somebody did, by the name that the audit has for it. */
export function lookKind(
  action: string,
):
  | ("watch" | "read" | "report" | "notesRead" | "notesWrite" | "notesRemove" | "list")
  | ("take" | "copy" | "account" | "ended" | "look") {
  if (action === "notes.read") return "notesRead";
  if (action === "notes.write") return "notesWrite";
  if (action === "notes.remove") return "notesRemove";
  if (action.endsWith(".list")) return "list";
  if (action.startsWith("watch")) return "watch";
  if (/^(report|trend)/.test(action)) return "report";
  if (/^(export|series|label|recording)/.test(action)) return "take";
  if (action.startsWith("my_data")) return "copy";
  if (/^(account|invite)/.test(action)) return "account";
  if (action.startsWith("consent")) return "ended";
  return /^(session|summary|ratings)/.test(action) ? "read" : "look";
}
