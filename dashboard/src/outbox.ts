/**
 * Keeps answers until the service has them. A lost connection never loses an answer
 * while the page is open: each is tried again until it is on disk over there.
 */

import { ApiProblem, Unreachable } from "./api.ts";

type Job = () => Promise<void>;

export class Outbox extends EventTarget {
  #jobs: Job[] = [];
  #busy = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: (() => void)[] = [];

  get pending(): number {
    return this.#jobs.length;
  }

  /** True when something waits and the service could not be reached. */
  stuck = false;

  add(job: Job): void {
    this.#jobs.push(job);
    void this.#run();
  }

  /** Resolves when nothing waits any more, or after `limitMs`; says which. */
  async flushed(limitMs: number): Promise<boolean> {
    if (this.#jobs.length === 0) return true;
    void this.#run();
    await Promise.race([
      new Promise<void>((resolve) => this.#waiting.push(resolve)),
      new Promise<void>((resolve) => setTimeout(resolve, limitMs)),
    ]);
    return this.#jobs.length === 0;
  }

  async #run(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    clearTimeout(this.#timer);
    while (this.#jobs[0]) {
      try {
        await this.#jobs[0]();
      } catch (problem) {
        if (passes(problem)) {
          this.stuck = true;
          this.dispatchEvent(new Event("change"));
          this.#timer = setTimeout(() => void this.#run(), 2000);
          break;
        }
        // The service refused it for good: trying again would not help.
        this.dispatchEvent(new CustomEvent("refused", { detail: problem }));
      }
      this.#jobs.shift();
    }
    this.#busy = false;
    if (this.#jobs.length === 0) {
      this.stuck = false;
      this.dispatchEvent(new Event("change"));
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }
}

/** Signed out, overloaded, restarting or out of reach: worth trying again. */
function passes(problem: unknown): boolean {
  if (problem instanceof Unreachable) return true;
  return problem instanceof ApiProblem && (problem.status === 401 || problem.status === 429 || problem.status >= 500);
}
