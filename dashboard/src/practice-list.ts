/** The guided practices, asked for once: a page that has them needs no service for them. */

import { api } from "./api.ts";
import type { Practice } from "./protocol.ts";

let known: Promise<readonly Practice[]> | null = null;

/** Fails while the service is out of reach; the next call asks again. */
export function practiceList(): Promise<readonly Practice[]> {
  known ??= api.practices().catch((problem: unknown) => {
    known = null;
    throw problem;
  });
  return known;
}
