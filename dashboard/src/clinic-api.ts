/** The clinic that this computer has joined, and the copies that it may keep. */

import { json } from "./api.ts";

export interface Copies {
  /** The number of the receipt. */
  readonly id: string;
  readonly expires_at: string;
}

export interface Clinic {
  readonly name: string;
  readonly connected: boolean;
  readonly copies: Copies | null;
  /** Practices that have ended and are still to be sent; null while it is not known. */
  readonly waiting: number | null;
  readonly sent_at: string | null;
  readonly trouble: string | null;
  /** False once the clinic has ended this home. */
  readonly let_in: boolean;
  /** Something held there that nobody allowed here; it was ended. */
  readonly misused: boolean;
}

/** The version of the words that the card shows. */
const WORDS = "1";

const put = async (days: number | null): Promise<Clinic | null> =>
  (await json<{ clinic: Clinic | null }>("PUT", "clinic/copy", { days, text_version: WORDS })).clinic;

export const atClinic = {
  now: async (): Promise<Clinic | null> => (await json<{ clinic: Clinic | null }>("GET", "clinic")).clinic,
  allow: (days: number): Promise<Clinic | null> => put(days),
  stop: (): Promise<Clinic | null> => put(null),
};
