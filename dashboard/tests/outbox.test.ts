import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiProblem, Unreachable } from "../src/api.ts";
import { Outbox } from "../src/outbox.ts";

const RETRY_MS = 5;
const LONG_MS = 2000;

const problem = (status: number): ApiProblem =>
  new ApiProblem({ status, detail: "", reason: null, advice: null });

/** Fails with each of `with_` in turn, then notes that it was done. */
function job(done: string[], name: string, ...with_: Error[]): () => Promise<void> {
  return async () => {
    const failure = with_.shift();
    if (failure) throw failure;
    done.push(name);
  };
}

/** Fails until it is told to work, and counts how often it was tried. */
class Broken {
  tries = 0;
  works = false;
  readonly #error: Error;

  constructor(error: Error) {
    this.#error = error;
  }

  readonly job = async (): Promise<void> => {
    this.tries += 1;
    if (!this.works) throw this.#error;
  };
}

test("what cannot be sent waits, and keeps its order", async () => {
  const outbox = new Outbox(LONG_MS);
  const done: string[] = [];
  outbox.add(job(done, "first", new Unreachable(), problem(401), problem(503)));
  outbox.add(job(done, "second"));
  for (let i = 0; i < 3; i++) {
    assert.equal(await outbox.flushed(20), false);
    assert.equal(outbox.stuck, true);
  }
  assert.equal(await outbox.flushed(1000), true);
  assert.deepEqual(done, ["first", "second"]);
  assert.equal(outbox.stuck, false);
});

test("what is refused for good is told once and does not hold up the rest", async () => {
  const outbox = new Outbox();
  const done: string[] = [];
  let refused = 0;
  outbox.addEventListener("refused", () => refused++);
  outbox.add(job(done, "refused", problem(422)));
  outbox.add(job(done, "taken"));
  assert.equal(await outbox.flushed(1000), true);
  assert.deepEqual(done, ["taken"]);
  assert.equal(refused, 1);
});

test("after three 5xx it gives way, and is tried again later", async () => {
  const outbox = new Outbox(RETRY_MS);
  const full = new Broken(problem(500));
  const sent = new Promise<number>((resolve) => {
    outbox.add(full.job, { answer: false });
    outbox.add(async () => resolve(full.tries));
  });
  assert.equal(await sent, 3);
  assert.equal(await outbox.flushed(RETRY_MS * 3), false);
  assert.equal(outbox.stuck, false); // no answer of a person waits
  full.works = true;
  assert.equal(await outbox.flushed(LONG_MS), true);
  assert.ok(full.tries > 3);
});

test("out of reach, nothing gives way: the order stays", async () => {
  const outbox = new Outbox(RETRY_MS);
  const done: string[] = [];
  const cut = Array.from({ length: 6 }, () => new Unreachable());
  outbox.add(job(done, "first", ...cut));
  outbox.add(job(done, "second"));
  assert.equal(await outbox.flushed(LONG_MS), true);
  assert.deepEqual(done, ["first", "second"]);
});

test("an answer is never given up", async () => {
  const outbox = new Outbox(RETRY_MS);
  const done: string[] = [];
  outbox.add(job(done, "answer", ...Array.from({ length: 12 }, () => problem(503))));
  assert.equal(await outbox.flushed(LONG_MS), true);
  assert.deepEqual(done, ["answer"]);
});

test("the stop goes after the answers where they are taken", async () => {
  const outbox = new Outbox(LONG_MS);
  const done: string[] = [];
  outbox.add(job(done, "mark", problem(500), problem(500)), { answer: false });
  outbox.add(job(done, "answer"));
  await outbox.urge(job(done, "stop"));
  assert.deepEqual(done, ["answer", "stop"]);
});

test("the stop waits neither for what fails nor for what hangs", async () => {
  const cut = new Broken(new Unreachable());
  for (const waits of [cut.job, () => new Promise<void>(() => undefined)]) {
    const outbox = new Outbox(RETRY_MS);
    const done: string[] = [];
    outbox.add(waits);
    await outbox.urge(job(done, "stop"), 20);
    assert.deepEqual(done, ["stop"]);
    assert.equal(outbox.pending, 1);
  }
  cut.works = true;
});

test("the stop is tried again on its own, and at once when nothing waits", async () => {
  const outbox = new Outbox(RETRY_MS);
  const stop = new Broken(problem(503));
  const stopped = outbox.urge(stop.job);
  assert.equal(stop.tries, 1);
  assert.equal(await outbox.flushed(RETRY_MS * 4), false);
  stop.works = true;
  await stopped;
  assert.equal(outbox.pending, 0);
});

test("what the service took is sent once", async () => {
  const outbox = new Outbox(RETRY_MS);
  const taken = new Broken(problem(500));
  taken.works = true;
  outbox.add(taken.job);
  const full = new Broken(problem(500));
  outbox.add(full.job);
  assert.equal(await outbox.flushed(RETRY_MS * 6), false);
  await outbox.urge(async () => undefined);
  full.works = true;
  assert.equal(await outbox.flushed(LONG_MS), true);
  assert.equal(taken.tries, 1);
});
