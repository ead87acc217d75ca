/**
 * Someone the person may want to call. It is kept on this device only, is never sent,
 * and is nobody's but theirs; apart from the other choices, so that it can go alone.
 */

export interface Contact {
  readonly name: string;
  readonly number: string;
}

const KEY = "biofeedback.contact";

/** What a telephone can dial of `typed`, or null when that is no number. */
export function dialled(typed: string): string | null {
  if (!/^[\d\s()+./-]*$/.test(typed)) return null;
  const number = typed.replace(/[^\d+]/g, "");
  return /^\+?\d{3,15}$/.test(number) ? number : null; // at most 15 digits: ITU-T E.164
}

export function keptContact(): Contact | null {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (typeof kept !== "object" || kept === null) return null;
    const { name, number } = kept as Partial<Contact>;
    if (typeof name !== "string" || typeof number !== "string") return null;
    return dialled(number) === null ? null : { name, number };
  } catch {
    return null; // storage is switched off, or what lies there is damaged
  }
}

/** Keeps `contact`, or with `null` forgets whoever was kept. */
export function keepContact(contact: Contact | null): void {
  try {
    if (contact) localStorage.setItem(KEY, JSON.stringify(contact));
    else localStorage.removeItem(KEY);
  } catch {
    // It holds until the page is closed.
  }
}
