/**
 * What this browser keeps for the page is of whoever signed in last: choices, a photo, a
 * number to call, notes that wait. The next person finds nothing of it, and nothing of it
 * is sent as theirs.
 */

import { outbox } from "./outboxes.ts";
import { forgetAll, forgetOwn } from "./own-storage.ts";
import { preferences } from "./preferences.ts";

const KEY = "biofeedback.person";

export async function makeOwn(person: string): Promise<void> {
  const before = lastHere();
  if (before === person) return;
  outbox.forget();
  if (before !== null) await forgetAll();
  else {
    // Whoever used it before there were accounts. The language was perhaps chosen now.
    const language = preferences.get("language");
    await forgetOwn();
    if (language) preferences.set("language", language);
  }
  try {
    localStorage.setItem(KEY, person);
  } catch {
    // Storage is switched off: nothing of anybody is in it.
  }
}

function lastHere(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
