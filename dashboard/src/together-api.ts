/** What a shared place asks of the service: accounts, consent, company in a session. */

import { done, json } from "./api.ts";
import type { Consent, Grant, Grantee, Look, Stream } from "./consent.ts";
import type { SharingState } from "./together.ts";
import type { Me, Role } from "./who.ts";

export interface Doors {
  readonly shared: boolean;
  /** Whether a passkey would work at this address. */
  readonly passkeys: boolean;
}

export interface Invited {
  readonly role: Role;
  readonly invited_by: string | null;
  readonly expires_at: string;
  /** New credentials for an account that there is. */
  readonly for_account: boolean;
  readonly name?: string | null;
}

export interface Passkey {
  readonly id: string;
  readonly label: string | null;
  readonly created_at: string;
  readonly last_used_at: string | null;
}

export interface Company {
  readonly state: SharingState;
  readonly may_watch: readonly {
    readonly code: string;
    readonly display: string;
    readonly streams: readonly Stream[];
  }[];
  readonly watching: readonly { readonly code: string; readonly display: string }[];
  /** They were allowed since the last yes, and wait for the next one. */
  readonly waiting: readonly { readonly code: string; readonly display: string }[];
}

/** What a passkey is asked or made with, as WebAuthn writes it in JSON. */
export type PasskeyOptions = Readonly<Record<string, unknown>>;

const sharing = (session: string): string => `sessions/${encodeURIComponent(session)}/sharing`;

export const shared = {
  doors: (): Promise<Doors> => json("GET", "doors"),
  byPassword: (name: string, password: string): Promise<Me> =>
    json("POST", "sign-in/password", { name, password }),
  passkeyAsked: async (): Promise<PasskeyOptions> =>
    (await json<{ options: PasskeyOptions }>("POST", "sign-in/passkey/options")).options,
  byPasskey: (credential: unknown): Promise<Me> => json("POST", "sign-in/passkey", { credential }),

  lookAtInvite: (token: string): Promise<Invited> => json("POST", "invites/look", { token }),
  acceptInvite: (token: string, as: { name?: string; display?: string; password?: string }): Promise<Me> =>
    json("POST", "invites/accept", { token, ...as }),

  passkeys: async (): Promise<readonly Passkey[]> =>
    (await json<{ passkeys: Passkey[] }>("GET", "passkeys")).passkeys,
  newPasskey: async (): Promise<PasskeyOptions> =>
    (await json<{ options: PasskeyOptions }>("POST", "passkeys/options")).options,
  keepPasskey: (credential: unknown, label: string): Promise<Passkey> =>
    json("POST", "passkeys", { credential, label }),
  removePasskey: (id: string): Promise<void> =>
    done("DELETE", `passkeys/${encodeURIComponent(id)}`),
  changePassword: (old: string | null, password: string): Promise<void> =>
    done("PUT", "password", { old, new: password }),
  signOut: (everywhere: boolean): Promise<void> =>
    done("POST", everywhere ? "sign-out-everywhere" : "sign-out"),

  grantees: async (): Promise<readonly Grantee[]> =>
    (await json<{ grantees: Grantee[] }>("GET", "consents/grantees")).grantees,
  consents: async (): Promise<readonly Consent[]> =>
    (await json<{ consents: Consent[] }>("GET", "consents")).consents,
  allow: (account: string, grants: readonly Grant[], days: number): Promise<{ receipt: string; consents: readonly Consent[] }> =>
    json("POST", "consents", { account, grants, days }),
  /** Ends all that an account may see; without one, all that anybody may. */
  end: (account: string | null): Promise<void> =>
    done("POST", "consents/revoke", { account, id: null }),
  looks: async (): Promise<readonly Look[]> => (await json<{ looks: Look[] }>("GET", "looks")).looks,

  company: (session: string): Promise<Company> => json("GET", sharing(session)),
  share: (session: string, state: SharingState): Promise<Company> => json("PUT", sharing(session), { state }),
};
