import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiProblem, Unreachable } from "../src/api.ts";
import { Outbox } from "../src/outbox.ts";

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

test("what cannot be sent waits, and keeps its order", async () => {
  const outbox = new Outbox();
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
