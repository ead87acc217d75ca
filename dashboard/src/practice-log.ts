/**
 * What a practice tells the service of itself. It goes through the outbox, with the
 * time at which it happened: a service that is away for a while misses nothing.
 */

import { api } from "./api.ts";
import { type Feed, PHASE } from "./feed.ts";
import { outbox, unlessOver } from "./outboxes.ts";
import type { PaceCommand } from "./pacer.ts";
import type { EntryPost } from "./protocol.ts";

/** The practice began: kept in the session, so that a reload finds its way back. */
export function logBegin(feed: Feed, minutes: number, atMs: number): void {
  const entry = { type: PHASE, value: minutes, unit: "min", text: "practice", at_ms: atMs };
  const job = async (): Promise<void> => {
    // With a full disk the service shows an entry and yet answers 500: once is enough.
    if (!feed.begun) await unlessOver(api.enter(feed.session.id, entry));
  };
  outbox.add(job, { answer: false });
}

/** Marks what happened at an instant of the session. */
export function logMark(feed: Feed, type: string, text: string, atMs: number, minutes?: number): void {
  const entry: EntryPost = {
    ...{ type, text, at_ms: atMs },
    value: minutes ?? null,
    unit: minutes === undefined ? null : "min",
  };
  outbox.add(() => unlessOver(api.enter(feed.session.id, entry)), { answer: false });
}

/** Marks what happens once in a session, by its words: however often it is sent. */
export function logOnce(feed: Feed, type: string, text: string, atMs: number): void {
  const entry: EntryPost = { type, text, at_ms: atMs, value: null, unit: null };
  const job = async (): Promise<void> => {
    // What came before the connection broke may be there, though no answer said so.
    const known = feed.entries.some((one) => one.type === type && one.text === text);
    if (!known) await unlessOver(api.enter(feed.session.id, entry));
  };
  outbox.add(job, { answer: false });
}

/** Takes a pace over at once, and asks the service for the same. */
export function takePace(feed: Feed, command: PaceCommand, nowMs: number, anew = false): void {
  feed.pace(command, nowMs, anew);
  outbox.add(() => unlessOver(api.askPace(feed.session.id, command)), { answer: false });
}

/** Lets the pace follow the heart's answer, or no longer. */
export function letAdapt(feed: Feed, on: boolean): void {
  outbox.add(() => unlessOver(api.adapt(feed.session.id, on)), { answer: false });
}
