/** Who is here, as the service says; set when the page is entered. */

export type Role = "owner" | "patient" | "therapist" | "researcher" | "admin" | "program";

export interface Me {
  readonly person: { readonly id: string; readonly pseudonym: string };
  readonly role: Role;
  /** What stands for this account in recordings; null for the owner. */
  readonly code: string | null;
  /** The name to sign in with, and how others see this person. */
  readonly name: string | null;
  readonly display: string | null;
  /** Whether several people have accounts here. */
  readonly shared: boolean;
  /** Whether somebody may watch live now, once this person says yes in a session. */
  readonly shares?: boolean;
  /** Whether this computer has joined a clinic, where there are people to share with. */
  readonly joined?: boolean;
}

export const who: { me: Me | null } = { me: null };

/** Whether there is anybody to share with: others have accounts here, or a clinic was joined. */
export const hasOthers = (): boolean => Boolean(who.me?.shared || who.me?.joined);
