/**
 * What a person notes outside of a practice: a pause, a week, what was taken. It is
 * kept in this browser from the moment of the tap until the service has it on disk:
 * signed out, offline, and when the tab is closed in between.
 *
 * Each entry lies under a key of its own, so that two tabs never overwrite each other.
 * Its id is made here, and the service keeps an id once: what is sent twice counts once.
 */

import { api, ApiProblem } from "./api.ts";
import { newUlid } from "./ulid.ts";

export type Occasion = "pause" | "week" | "day" | "medicine";

/** One thing to note. `value` is on a scale named by `unit`; free words go to `text`. */
export interface DiaryNote {
  readonly occasion: Occasion;
  /** The same for all that was noted together, of `newUlid()`; else one of its own. */
  readonly group_id?: string;
  readonly type: string;
  readonly value?: number | null;
  readonly unit?: string | null;
  readonly text?: string | null;
  readonly moment?: "before" | "during" | "after" | null;
  /** The question as it was shown. */
  readonly prompt?: string | null;
  readonly latency_ms?: number | null;
  readonly device?: string | null;
  /** When it was so, if not now: ISO 8601 with the offset of the time zone. */
  readonly at?: string;
}

/** As it travels, and as the service hands it out. */
export interface DiaryEntry {
  readonly id: string;
  readonly occasion: Occasion;
  readonly group_id: string;
  readonly type: string;
  readonly value: number | null;
  readonly unit: string | null;
  readonly text: string | null;
  readonly moment: "before" | "during" | "after" | null;
  readonly prompt: string | null;
  readonly latency_ms: number | null;
  readonly device: string | null;
  readonly at: string;
}

/** The part of `localStorage` that is needed here. */
export type Shelf = Pick<Storage, "length" | "key" | "getItem" | "setItem" | "removeItem">;

const WAITING = "biofeedback.diary.";
/** What the service refused for good: it is not lost, but no longer in the way. */
const REFUSED = "biofeedback.diary-refused.";
/** As many as surely fit into one request: the longest free text is 2000 characters. */
const MOST_AT_ONCE = 5;
const LONGEST_WAIT_MS = 60_000;

export class DiaryBox extends EventTarget {
  readonly #shelf: Shelf | null;
  readonly #send: (entries: readonly DiaryEntry[]) => Promise<void>;
  readonly #retryMs: number;
  /** What could not be put on the shelf; it lives as long as the page. */
  #loose: DiaryEntry[] = [];
  #pass: Promise<void> | null = null;
  #waitMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(shelf: Shelf | null, send: (entries: readonly DiaryEntry[]) => Promise<void>, retryMs = 3000) {
    super();
    this.#shelf = shelf;
    this.#send = send;
    this.#retryMs = retryMs;
    this.#waitMs = retryMs;
  }

  /** How many wait for the service. */
  get pending(): number {
    return this.#loose.length + this.#keys(WAITING).length;
  }

  /** False once something could not be kept here: closing the page would lose it. */
  get durable(): boolean {
    return this.#loose.length === 0;
  }

  /**
   * Keeps notes, and sends them as soon as the service takes them. Returns whether they
   * will outlive this page; if not, say so to the person (`copy.diary.notDurable`).
   */
  note(notes: readonly DiaryNote[]): boolean {
    let durable = true;
    for (const entry of notes.map(entered)) {
      if (this.#put(WAITING, entry)) continue;
      this.#loose.push(entry);
      durable = false;
    }
    this.#changed();
    void this.flush();
    return durable;
  }

  /** Sends what waits, the oldest first; true when nothing waits any more. */
  async flush(): Promise<boolean> {
    if (this.pending > 0) {
      this.#pass ??= this.#sendAll().finally(() => (this.#pass = null));
      await this.#pass;
    }
    return this.pending === 0;
  }

  /** Drops all that waits, as when the person erases what is theirs. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#loose = [];
    for (const key of [...this.#keys(WAITING), ...this.#keys(REFUSED)]) this.#shelf?.removeItem(key);
    this.#changed();
  }

  async #sendAll(): Promise<void> {
    clearTimeout(this.#timer);
    for (let some = this.#next(); some.length > 0; some = this.#next()) {
      const gone = await this.#attempt(some);
      if (!gone) {
        this.#timer = setTimeout(() => void this.flush(), this.#waitMs);
        this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
        return;
      }
      this.#waitMs = this.#retryMs;
      this.#changed();
    }
  }

  async #attempt(entries: readonly DiaryEntry[]): Promise<boolean> {
    try {
      await this.#send(entries);
    } catch (problem) {
      // Signed out, it waits for the sign-in, which tries at once.
      if (problem instanceof ApiProblem && problem.status === 401) this.#waitMs = LONGEST_WAIT_MS;
      if (!isRefusal(problem)) return false;
      const [first, ...others] = entries;
      if (first && others.length > 0) {
        // One of them was refused and held up the rest: each goes on its own.
        for (const entry of entries) if (!(await this.#attempt([entry]))) return false;
        return true;
      }
      if (first) {
        this.#drop(first);
        this.#put(REFUSED, first);
      }
      this.dispatchEvent(new CustomEvent("refused", { detail: problem }));
      return true;
    }
    for (const entry of entries) this.#drop(entry);
    return true;
  }

  #next(): readonly DiaryEntry[] {
    const kept = this.#keys(WAITING)
      .map((key) => this.#read(key))
      .filter((entry) => entry !== null);
    return [...kept, ...this.#loose].slice(0, MOST_AT_ONCE);
  }

  #put(prefix: string, entry: DiaryEntry): boolean {
    try {
      if (!this.#shelf) return false;
      this.#shelf.setItem(prefix + entry.id, JSON.stringify(entry));
      return true;
    } catch {
      return false; // full, or switched off
    }
  }

  #drop(entry: DiaryEntry): void {
    this.#shelf?.removeItem(WAITING + entry.id);
    this.#loose = this.#loose.filter((other) => other.id !== entry.id);
  }

  #read(key: string): DiaryEntry | null {
    try {
      return JSON.parse(this.#shelf?.getItem(key) ?? "null") as DiaryEntry | null;
    } catch {
      this.#shelf?.removeItem(key); // not ours: our own writes are whole or absent
      return null;
    }
  }

  /** The keys under `prefix`; their ids sort by time. */
  #keys(prefix: string): readonly string[] {
    const shelf = this.#shelf;
    if (!shelf) return [];
    const keys = Array.from({ length: shelf.length }, (_, i) => shelf.key(i) ?? "");
    return keys.filter((key) => key.startsWith(prefix)).sort();
  }

  #changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

function entered(note: DiaryNote): DiaryEntry {
  const id = newUlid();
  return {
    id,
    occasion: note.occasion,
    group_id: note.group_id ?? id,
    type: note.type,
    value: note.value ?? null,
    unit: note.unit ?? null,
    text: note.text ?? null,
    moment: note.moment ?? null,
    prompt: note.prompt ?? null,
    latency_ms: note.latency_ms ?? null,
    device: note.device ?? null,
    at: note.at ?? withOffset(new Date()),
  };
}

/** "2026-11-26T21:05:00.123+01:00": the instant, and what the clock on the wall said. */
export function withOffset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const wall = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
  const two = (n: number): string => String(Math.floor(n)).padStart(2, "0");
  const far = Math.abs(minutes);
  return `${wall}${minutes < 0 ? "-" : "+"}${two(far / 60)}:${two(far % 60)}`;
}

/** The service read it and will never take it; anything else may be otherwise later. */
function isRefusal(problem: unknown): boolean {
  return problem instanceof ApiProblem && [400, 413, 422].includes(problem.status);
}

function shelf(): Shelf | null {
  if (typeof window === "undefined") return null; // in a test
  try {
    return window.localStorage;
  } catch {
    return null; // storage is switched off
  }
}

/** The page's one diary box. It tries again when the page opens and when it is back online. */
export const diaryBox = new DiaryBox(shelf(), (entries) => api.diaryAdd(entries));

/** Keeps notes until the service has them; see `DiaryBox.note`. */
export function noteInDiary(notes: readonly DiaryNote[]): boolean {
  return diaryBox.note(notes);
}

if (typeof window !== "undefined") window.addEventListener("online", () => void diaryBox.flush());
