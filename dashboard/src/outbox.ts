/**
 * Keeps answers until the service has them. A lost connection never loses an answer
 * while the page is open: each is tried again until it is on disk over there.
 *
 * What waits goes in order. Nothing is sent a second time unless no answer came, or one
 * that says it was not kept (5xx, or turned away at the door: 401, 429).
 */

import { ApiProblem, Unreachable } from "./api.ts";

type Job = () => Promise<void>;

interface Item {
  readonly job: Job;
  readonly answer: boolean;
  /** How often in a row the service said 5xx to it. */
  troubles: number;
}

/** After this many 5xx in a row an item holds up the ones behind it no longer. */
const GIVES_WAY_AFTER = 3;

export class Outbox extends EventTarget {
  readonly #retryMs: number;
  #items: Item[] = [];
  #urgent = 0;
  #pass: Promise<void> | null = null;
  #hurried = false;
  #failing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: (() => void)[] = [];

  constructor(retryMs = 2000) {
    super();
    this.#retryMs = retryMs;
  }

  get pending(): number {
    return this.#items.length + this.#urgent;
  }

  /** True when a person's answer waits because the service did not take it. */
  get stuck(): boolean {
    return this.#failing && this.#items.some((item) => item.answer);
  }

  /** Sends `job` after all that waits. */
  add(job: Job, { answer = true } = {}): void {
    this.#items.push({ job, answer, troubles: 0 });
    void this.#run();
  }

  /**
   * Sends `job` past all that waits, and tries it again on its own. What waits is tried
   * once before it, so that it comes first where the service takes it: for
   * `headStartMs` at most, and no longer than until the service is out of reach.
   */
  async urge(job: Job, headStartMs = 1000): Promise<void> {
    this.#urgent += 1;
    if (this.#items.length > 0) {
      this.#hurried = true;
      await Promise.race([this.#run(), sleep(headStartMs)]);
      this.#hurried = false;
    }
    while ((await this.#attempt(job)) !== "done") await sleep(this.#retryMs);
    this.#urgent -= 1;
    this.#settle();
  }

  /** Resolves when nothing waits any more, or after `limitMs`; says which. */
  async flushed(limitMs: number): Promise<boolean> {
    if (this.pending === 0) return true;
    void this.#run();
    await Promise.race([new Promise<void>((resolve) => this.#waiting.push(resolve)), sleep(limitMs)]);
    return this.pending === 0;
  }

  /** Drops all that waits: somebody else is here now. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#items = [];
    this.#failing = false;
    this.#settle();
  }

  /** One pass over what waits; the one under way, if there is one. */
  #run(): Promise<void> {
    this.#pass ??= this.#sendAll().finally(() => {
      this.#pass = null;
      this.#settle();
    });
    return this.#pass;
  }

  async #sendAll(): Promise<void> {
    clearTimeout(this.#timer);
    let at = 0;
    for (let item = this.#items[at]; item; item = this.#items[at]) {
      const outcome = await this.#attempt(item.job);
      if (outcome === "done") {
        this.#items.splice(at, 1);
        continue;
      }
      item.troubles = outcome === "trouble" ? item.troubles + 1 : 0;
      const givesWay = this.#hurried || item.troubles >= GIVES_WAY_AFTER;
      if (outcome === "away" || !givesWay) break;
      at += 1; // it keeps its place, and is tried again with the next pass
    }
    this.#failing = this.#items.length > 0;
    if (this.#failing) this.#timer = setTimeout(() => void this.#run(), this.#retryMs);
  }

  async #attempt(job: Job): Promise<"done" | "trouble" | "away"> {
    try {
      await job();
    } catch (problem) {
      if (isAway(problem)) return "away";
      if (problem instanceof ApiProblem && problem.status >= 500) return "trouble";
      // The service refused it for good: trying again would not help.
      this.dispatchEvent(new CustomEvent("refused", { detail: problem }));
    }
    return "done";
  }

  #settle(): void {
    this.dispatchEvent(new Event("change"));
    if (this.pending > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Out of reach, signed out or overloaded: nothing else would get through either. */
function isAway(problem: unknown): boolean {
  if (problem instanceof Unreachable) return true;
  return problem instanceof ApiProblem && (problem.status === 401 || problem.status === 429);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
