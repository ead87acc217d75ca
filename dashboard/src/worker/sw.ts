/**
 * Keeps the page for when the service cannot be reached: help, the pause and the pacer
 * must open anywhere. Only files of this one build, each checked by its hash, so that
 * two builds never mix; never an answer of the service, and nothing about a person.
 */

/** Written by `vite.config.ts`: the hash of the build, and each file with its own. */
declare const BUILD: string;
declare const FILES: readonly { readonly url: string; readonly integrity: string }[];

/** The little that is used of what a worker has and a page has not. */
interface Lasting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Scope {
  readonly clients: { claim(): Promise<void> };
}

const KEPT = "biofeedback-";
const cacheName = KEPT + BUILD;
/** Among them the page, "/": the addresses of its screens stand behind the `#`. */
const kept: ReadonlySet<string> = new Set(FILES.map((file) => file.url));
/** A service that says nothing for this long is away: a phone out of its network. */
const AWAY_MS = 4000;
/** What a proxy says when the service behind it is gone. */
const GONE: ReadonlySet<number> = new Set([502, 503, 504]);

addEventListener("install", (event) => {
  (event as Lasting).waitUntil(keep());
});

addEventListener("activate", (event) => {
  (event as Lasting).waitUntil(takeOver());
});

const hashed = (pathname: string): boolean => pathname.startsWith("/assets/");
/** What has a hash in its name may come from where the page just had it from. */
const fresh = (pathname: string): RequestCache => (hashed(pathname) ? "default" : "no-cache");

addEventListener("fetch", (happened) => {
  const event = happened as Fetching;
  const { request } = event;
  const { origin, pathname, search } = new URL(request.url);
  // Whatever is not one of the files goes its own way, past all of this.
  if (request.method !== "GET" || origin !== location.origin || search !== "") return;
  if (!kept.has(pathname)) return;
  event.respondWith(hashed(pathname) ? keptFirst(request, pathname) : askedFirst(request, pathname));
});

/** All or nothing: a file of another build has another hash, and then this one waits. */
async function keep(): Promise<void> {
  const cache = await caches.open(cacheName);
  const requests = FILES.map(({ url, integrity }) => new Request(url, { integrity, cache: fresh(url) }));
  try {
    await cache.addAll(requests);
  } catch (problem) {
    await caches.delete(cacheName);
    throw problem;
  }
}

async function takeOver(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(KEPT) && name !== cacheName);
  await Promise.all(old.map((name) => caches.delete(name)));
  await (self as unknown as Scope).clients.claim();
}

async function keptCopy(pathname: string): Promise<Response | undefined> {
  return (await caches.open(cacheName)).match(pathname);
}

/** A name with a hash means one content for ever. */
async function keptFirst(request: Request, pathname: string): Promise<Response> {
  return (await keptCopy(pathname)) ?? fetch(request);
}

/** The newest there is; what was kept when nobody answers. */
async function askedFirst(request: Request, pathname: string): Promise<Response> {
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), AWAY_MS);
  try {
    const answer = await fetch(request, { signal: ended.signal });
    if (!GONE.has(answer.status)) return answer;
    return (await keptCopy(pathname)) ?? answer;
  } catch (problem) {
    const copy = await keptCopy(pathname);
    if (copy) return copy;
    throw problem;
  } finally {
    clearTimeout(timer);
  }
}

export {};
