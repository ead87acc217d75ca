/** What the pages of therapists and admins ask of the service. */

import { done, json } from "./api.ts";
import type { SessionState } from "./protocol.ts";
import type { Stream } from "./room-tile.ts";
import type { Role } from "./who.ts";

/** Those who can be invited. */
export const roles = ["patient", "therapist", "researcher", "admin"] as const;
export type Invited = (typeof roles)[number];

export interface PersonShape {
  readonly id: string;
  readonly pseudonym: string;
}

/** Somebody who shares something with the therapist. */
export interface Sharer {
  readonly person: string;
  readonly alias: string;
  readonly live: readonly Stream[];
  readonly report: readonly Stream[];
  readonly expires_at: string | null;
}

/** A session of which there is a report, or will be once it has ended. */
export interface Reported {
  readonly session: string;
  readonly started_at: string;
  readonly minutes: number | null;
  readonly state: SessionState;
  readonly simulated: boolean;
  /** Null where it is not known or not shared. */
  readonly practice: string | null;
  readonly symptom: boolean | null;
}

export interface Note {
  readonly id: string;
  readonly person: string;
  readonly session: string | null;
  readonly at: string;
  readonly text: string;
}

export interface Account {
  readonly id: string;
  readonly code: string;
  readonly name: string;
  readonly display: string;
  readonly role: Role;
  readonly person: PersonShape;
  readonly created_at: string;
  readonly revoked_at: string | null;
  readonly has_password: boolean;
  readonly n_passkeys: number;
  readonly last_seen_at: string | null;
}

export interface Invite {
  readonly id: string;
  readonly role: Role;
  readonly state: "open" | "used" | "expired" | "revoked";
  readonly for_account: { readonly id: string; readonly code: string; readonly display: string } | null;
  readonly invited_by: { readonly code: string; readonly display: string } | null;
  readonly created_at: string;
  readonly expires_at: string;
}

/** An invite with its link, which is told this once. */
export interface NewInvite {
  readonly invite: Invite;
  readonly url: string;
}

export interface AuditRow {
  readonly seq: number;
  readonly at: string;
  readonly actor: string;
  readonly role: string;
  readonly action: string;
  /** Whose data it was, as a keyed hash; null where it was nobody's. */
  readonly subject: string | null;
  readonly outcome: string;
  readonly origin: string | null;
}

export interface AuditList {
  readonly rows: readonly AuditRow[];
  readonly n_rows: number;
  readonly whole: boolean;
  /** The first row that cannot be trusted. */
  readonly broken_seq: number | null;
  /** The newest hash: written down elsewhere, it shows that no row was cut off. */
  readonly head: string;
}

const id = encodeURIComponent;

export const room = {
  /** Tells that somebody still works here; an idle page is signed out. */
  here: (): Promise<void> => done("GET", "me"),
  signOut: (): Promise<void> => done("POST", "sign-out"),
  people: async (): Promise<readonly Sharer[]> => (await json<{ people: Sharer[] }>("GET", "room/people")).people,
  sessions: async (person: string): Promise<readonly Reported[]> =>
    (await json<{ sessions: Reported[] }>("GET", `people/${id(person)}/sessions`)).sessions,
  notes: async (person: string): Promise<readonly Note[]> =>
    (await json<{ notes: Note[] }>("GET", `notes?person=${id(person)}`)).notes,
  note: (person: string, session: string | null, text: string): Promise<Note> =>
    json("POST", "notes", { person, session, text }),
  forgetNote: (note: string): Promise<void> => done("DELETE", `notes/${id(note)}`),
  reportUrl: (session: string, format: string): string => `/api/v1/sessions/${id(session)}/report?format=${format}`,
  trendUrl: (person: string, format: string): string => `/api/v1/people/${id(person)}/trend?weeks=8&format=${format}`,
};

export const admin = {
  accounts: async (): Promise<readonly Account[]> =>
    (await json<{ accounts: Account[] }>("GET", "accounts")).accounts,
  revoke: (account: string): Promise<Account> => json("POST", `accounts/${id(account)}/revoke`),
  reset: (account: string): Promise<NewInvite> => json("POST", `accounts/${id(account)}/reset`),
  invites: async (): Promise<readonly Invite[]> => (await json<{ invites: Invite[] }>("GET", "invites")).invites,
  invite: (role: Invited): Promise<NewInvite> => json("POST", "invites", { role, person: null }),
  revokeInvite: (invite: string): Promise<Invite> => json("POST", `invites/${id(invite)}/revoke`),
  audit: (limit: number): Promise<AuditList> => json("GET", `audit?limit=${limit}`),
};
