import assert from "node:assert/strict";
import { after, test } from "node:test";
import "./english.ts";
import { ApiProblem, Unreachable } from "../src/api.ts";
import { DiaryBox, type DiaryEntry, type DiaryNote, type Shelf, withOffset } from "../src/diary-box.ts";
import { newUlid } from "../src/ulid.ts";

/** What a browser keeps, of so many bytes. */
class Memory implements Shelf {
  readonly items = new Map<string, string>();
  readonly #most: number;
  constructor(most = 1e6) {
    this.#most = most;
  }
  get length(): number {
    return this.items.size;
  }
  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    if (this.items.size >= this.#most) throw new DOMException("full", "QuotaExceededError");
    this.items.set(key, value);
  }
  removeItem(key: string): void {
    this.items.delete(key);
  }
}

/** A service that keeps an id once, or is away. */
class Service {
  readonly kept: DiaryEntry[] = [];
  away = false;
  refuses = "";
  readonly take = async (entries: readonly DiaryEntry[]): Promise<void> => {
    if (this.away) throw new Unreachable();
    if (this.refuses && entries.some((entry) => entry.type === this.refuses)) {
      throw new ApiProblem({ status: 422, detail: "no", reason: null, advice: null });
    }
    for (const entry of entries) if (!this.kept.some(({ id }) => id === entry.id)) this.kept.push(entry);
  };
}

const note = (type: string): DiaryNote => ({ occasion: "pause", type, value: 3 });
const NEVER_MS = 1e8;
const boxes: DiaryBox[] = [];

function boxOf(shelf: Shelf | null, send: Service["take"]): DiaryBox {
  const box = new DiaryBox(shelf, send, NEVER_MS);
  boxes.push(box);
  return box;
}
after(() => boxes.forEach((box) => box.forget())); // none is tried again

test("names sort by time, also within one millisecond, and never repeat", () => {
  const names = Array.from({ length: 500 }, (_, i) => newUlid(1_795_000_000_000 + (i >> 6)));
  assert.deepEqual([...names].sort(), names);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
  // Crockford's base 32 of that millisecond.
  assert.equal(names[0]?.slice(0, 10), "01M7Q5CQG0");
});

test("what was noted outlives the page, and is delivered once and in order", async () => {
  const shelf = new Memory();
  const service = new Service();
  service.away = true;
  const first = boxOf(shelf, service.take);
  assert.equal(first.note([note("craving"), note("pain_unpleasantness")]), true);
  assert.equal(first.note(Array.from({ length: 9 }, (_, i) => note(`later_${i}`))), true);
  assert.equal(await first.flush(), false);
  assert.equal(first.pending, 11);

  service.away = false; // another page, another day, and another tab at once
  const [second, third] = [boxOf(shelf, service.take), boxOf(shelf, service.take)];
  await Promise.all([second.flush(), third.flush()]);
  assert.equal(second.pending, 0);
  assert.deepEqual(
    service.kept.map((entry) => entry.type),
    ["craving", "pain_unpleasantness", ...Array.from({ length: 9 }, (_, i) => `later_${i}`)],
  );
  assert.equal(shelf.length, 0);
});

test("what is refused for good holds up nothing, and is not thrown away", async () => {
  const shelf = new Memory();
  const service = new Service();
  service.refuses = "odd";
  const box = boxOf(shelf, service.take);
  let told = 0;
  box.addEventListener("refused", () => (told += 1));
  box.note([note("craving"), note("odd"), note("mood")]);
  assert.equal(await box.flush(), true);
  assert.deepEqual(service.kept.map((entry) => entry.type), ["craving", "mood"]);
  assert.equal(told, 1);
  assert.match([...shelf.items.values()].join(), /"type":"odd"/);
});

test("signed out, it waits; and it says when the browser can keep nothing", async () => {
  const service = new Service();
  const closed = async (): Promise<void> => {
    throw new ApiProblem({ status: 401, detail: "", reason: null, advice: null });
  };
  const waiting = boxOf(new Memory(), closed);
  assert.equal(waiting.note([note("craving")]), true);
  assert.equal(await waiting.flush(), false);
  assert.equal(waiting.pending, 1);

  service.away = true;
  for (const shelf of [null, new Memory(0)]) {
    const box = boxOf(shelf, service.take);
    assert.equal(box.note([note("craving")]), false);
    assert.equal(box.durable, false);
    await box.flush();
    assert.equal(box.pending, 1);
  }
  service.away = false;
  const box = boxOf(null, service.take);
  box.note([note("craving")]);
  assert.equal(await box.flush(), true);
  assert.equal(service.kept.length, 1);
  assert.equal(box.durable, true);
});

test("when it was, and what the clock on the wall said", () => {
  const iso = withOffset(new Date(1_795_000_000_123));
  assert.equal(Date.parse(iso), 1_795_000_000_123);
  assert.match(iso, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.123[+-]\d\d:\d\d$/);
});
