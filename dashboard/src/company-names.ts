/** Who may watch a session, by the names that the person knows: asked once, and kept. */

import { later } from "./copy-later.ts";
import { type Company, shared } from "./together-api.ts";

export class CompanyNames extends EventTarget {
  readonly #session: string;
  readonly #names = new Map<string, string>();
  #asking = false;
  /** Whether anybody is allowed to watch; taken as so until the service has told. */
  anybody = true;
  /** Who was allowed since the person said yes in this session. */
  waiting: readonly string[] = [];

  constructor(session: string) {
    super();
    this.#session = session;
  }

  /** The name of `code`; until it is known, a word that fits anybody who watches. */
  of(code: string): string {
    const name = this.#names.get(code);
    if (name === undefined) void this.#ask(code);
    return name || later.company.somebody;
  }

  /** "Dr. Kim", "Dr. Kim and Dr. Lee". */
  all(codes: readonly string[]): string {
    return listed(codes.map((code) => this.of(code)));
  }

  take({ may_watch, watching, waiting }: Company): void {
    this.anybody = may_watch.length > 0;
    this.waiting = waiting.map(({ code }) => code);
    for (const { code, display } of [...may_watch, ...watching]) this.#names.set(code, display);
    this.dispatchEvent(new Event("change"));
  }

  /** Asks again who may watch: that may have ended elsewhere. */
  async refresh(): Promise<void> {
    await shared.company(this.#session).then(
      (company) => this.take(company),
      () => undefined,
    );
  }

  async #ask(code: string): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const company = await shared.company(this.#session);
      this.#names.set(code, ""); // not asked for again, whatever the answer is
      this.take(company);
    } catch {
      // The next look asks again.
    }
    this.#asking = false;
  }
}

export function listed(names: readonly string[]): string {
  const [last, ...before] = [...names].reverse();
  if (before.length === 0) return last ?? "";
  return later.company.and(before.reverse().join(", "), last ?? "");
}

const known = new Map<string, CompanyNames>();

/** The names of one session: the same for all parts of the page. */
export function namesOf(session: string): CompanyNames {
  const names = known.get(session) ?? new CompanyNames(session);
  known.set(session, names);
  return names;
}
