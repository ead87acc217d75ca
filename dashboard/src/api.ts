/** The HTTP part of the protocol. Same origin only; the cookie does the rest. */

import type {
  EntryPost,
  Problem,
  Rating,
  Session,
  StrapList,
  Summary,
} from "./protocol.ts";
import type { PacerPart } from "./pacer.ts";

/** The service answered, and said no: with a sentence and advice. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly advice: string;

  constructor(problem: Problem) {
    super(problem.detail);
    this.status = problem.status;
    this.advice = problem.advice ?? "";
  }
}

/** The service did not answer at all. */
export class Unreachable extends Error {}

async function call(method: string, path: string, body?: unknown): Promise<Response> {
  const init: RequestInit = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    init.headers = { ...init.headers, "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let answer: Response;
  try {
    answer = await fetch(`/api/v1/${path}`, init);
  } catch {
    throw new Unreachable();
  }
  if (answer.ok) return answer;
  let problem: Partial<Problem> = {};
  try {
    problem = (await answer.json()) as Partial<Problem>;
  } catch {
    // Not a problem document: the status alone has to do.
  }
  throw new ApiProblem({
    status: answer.status,
    detail: problem.detail ?? "",
    reason: problem.reason ?? null,
    advice: problem.advice ?? null,
  });
}

export async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await (await call(method, path, body)).json()) as T;
}

/** A file, and the name the service gave it. */
export async function asBlob(path: string): Promise<[Blob, string]> {
  const answer = await call("GET", path);
  const said = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "");
  return [await answer.blob(), said?.[1] ?? "recording"];
}

const at = (id: string, rest = ""): string => `sessions/${encodeURIComponent(id)}${rest}`;

export const api = {
  signIn: async (token: string): Promise<void> => void (await call("POST", "sign-in", { token })),
  me: async (): Promise<void> => void (await call("GET", "me")),
  straps: (scanS = 0): Promise<StrapList> =>
    json("GET", scanS > 0 ? `straps?scan=${scanS}` : "straps"),
  /** `name` is for a strap of this browser, which the service does not know. */
  start: (strap: string, name: string | null = null): Promise<Session> =>
    json("POST", "sessions", { strap, strap_name: name, plan: "practice" }),
  sessions: async (liveOnly = false): Promise<readonly Session[]> =>
    (await json<{ sessions: Session[] }>("GET", liveOnly ? "sessions?state=live" : "sessions"))
      .sessions,
  session: (id: string): Promise<Session> => json("GET", at(id)),
  stop: (id: string): Promise<Session> => json("POST", at(id, "/stop")),
  rate: async (id: string, rating: Rating): Promise<void> =>
    void (await call("POST", at(id, "/ratings"), rating)),
  ratings: async (id: string): Promise<readonly Rating[]> =>
    (await json<{ ratings: Rating[] }>("GET", at(id, "/ratings"))).ratings,
  enter: async (id: string, entry: EntryPost): Promise<void> =>
    void (await call("POST", at(id, "/events"), entry)),
  pace: async (id: string, part: PacerPart, rateBpm: number): Promise<void> =>
    void (await call("PUT", at(id, "/pacer"), {
      rate_bpm: rateBpm,
      inhale_pct: part.inhale_pct,
      hold_in_ms: part.hold_in_ms,
      hold_out_ms: part.hold_out_ms,
    })),
  summary: (id: string): Promise<Summary> => json("GET", at(id, "/summary")),
  replay: (id: string, speed = 1): Promise<Session> => json("POST", at(id, "/replay"), { speed }),
  recordingUrl: (id: string): string => `/api/v1/${at(id, "/recording")}`,
};
