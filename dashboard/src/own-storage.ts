/** Forgets everything that this browser keeps for the page. */

import { diaryBox } from "./diary-box.ts";
import { preferences } from "./preferences.ts";

/** A database that another page holds open goes when that page is closed. */
const BLOCKED_MS = 2000;

/** Resolves when it is gone; `false` when another page still holds a part of it. */
export async function forgetAll(): Promise<boolean> {
  const gone = await Promise.all([forgetOwn(), ...[cached(), workers()].map((work) => work.catch(() => false))]);
  return gone.every(Boolean);
}

/** The same, but the program may stay: nothing in it is of anybody. */
export async function forgetOwn(): Promise<boolean> {
  diaryBox.forget();
  preferences.forget();
  for (const storage of [() => localStorage, () => sessionStorage]) {
    try {
      storage().clear();
    } catch {
      // Switched off: nothing was kept in it.
    }
  }
  return databases().catch(() => false);
}

async function databases(): Promise<boolean> {
  const known = await indexedDB.databases();
  const gone = await Promise.all(known.map(({ name }) => (name ? deleted(name) : true)));
  return gone.every(Boolean);
}

function deleted(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve(true);
    request.onerror = () => resolve(false);
    request.onblocked = () => setTimeout(() => resolve(false), BLOCKED_MS);
  });
}

async function cached(): Promise<boolean> {
  if (typeof caches === "undefined") return true; // only where the page is secure
  const gone = await Promise.all((await caches.keys()).map((name) => caches.delete(name)));
  return gone.every(Boolean);
}

async function workers(): Promise<boolean> {
  if (!("serviceWorker" in navigator)) return true;
  const known = await navigator.serviceWorker.getRegistrations();
  const gone = await Promise.all(known.map((one) => one.unregister()));
  return gone.every(Boolean);
}
