/** The HTTP part of the protocol. Same origin only; the cookie does the rest. */

import type { DiaryEntry } from "./diary-box.ts";
import type {
  AssessForm,
  Assessment,
  AssessPlan,
  Changes,
  EntryPost,
  History,
  KeptEstimate,
  PlanList,
  Practice,
  Problem,
  Rating,
  Session,
  SessionPlan,
  StrapList,
  Summary,
  Usual,
} from "./protocol.ts";
import type { PaceCommand, PacerPart } from "./pacer.ts";
import type { Me } from "./who.ts";

/** The service answered, and said no: with a sentence and advice. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly reason: string | null;
  readonly advice: string;
  /** How long the service asks to wait; 0 where it does not. */
  readonly waitS: number;

  constructor(problem: Problem, waitS = 0) {
    super(problem.detail);
    this.status = problem.status;
    this.reason = problem.reason;
    this.advice = problem.advice ?? "";
    this.waitS = waitS;
  }
}

/** The service did not answer at all. */
export class Unreachable extends Error {}

/** What a proxy says when the service behind it is gone. */
const GONE: ReadonlySet<number> = new Set([502, 503, 504]);
/** A phone that left its network is not told so: the first question waits no longer. */
const FIRST_ANSWER_MS = 8000;

async function call(method: string, path: string, body?: unknown, withinMs = 0): Promise<Response> {
  const init: RequestInit = { method, headers: { Accept: "application/json" } };
  if (withinMs > 0) init.signal = AbortSignal.timeout(withinMs);
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
    if (GONE.has(answer.status)) throw new Unreachable();
  }
  const { detail = "", reason = null, advice = null } = problem;
  const waitS = Number(answer.headers.get("retry-after")) || 0;
  throw new ApiProblem({ status: answer.status, detail, reason, advice }, waitS);
}

export async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await (await call(method, path, body)).json()) as T;
}

/** For what is answered with nothing but a yes. */
export async function done(method: string, path: string, body?: unknown): Promise<void> {
  await call(method, path, body);
}

/** A file, and the name the service gave it. */
export async function asBlob(path: string): Promise<[Blob, string]> {
  const answer = await call("GET", path);
  const said = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "");
  return [await answer.blob(), said?.[1] ?? "recording"];
}

const at = (id: string, rest = ""): string => `sessions/${encodeURIComponent(id)}${rest}`;

export const api = {
  signIn: (token: string): Promise<Me> => json("POST", "sign-in", { token }),
  me: async (): Promise<Me> => (await (await call("GET", "me", undefined, FIRST_ANSWER_MS)).json()) as Me,
  straps: (scanS = 0): Promise<StrapList> =>
    json("GET", scanS > 0 ? `straps?scan=${scanS}` : "straps"),
  /** `name` is for a strap of this browser, which the service does not know. */
  start: (strap: string, name: string | null = null, plan = "practice"): Promise<Session> =>
    json("POST", "sessions", { strap, strap_name: name, plan }),
  plans: (): Promise<PlanList> => json("GET", "plans"),
  sessionPlan: (id: string): Promise<SessionPlan> => json("GET", at(id, "/plan")),
  /** Whether the pace may follow the heart's answer. */
  adapt: async (id: string, on: boolean): Promise<void> =>
    void (await call("PUT", at(id, "/adaptive"), { on })),
  sessions: async (liveOnly = false): Promise<readonly Session[]> =>
    (await json<{ sessions: Session[] }>("GET", liveOnly ? "sessions?state=live" : "sessions"))
      .sessions,
  session: (id: string): Promise<Session> => json("GET", at(id)),
  stop: (id: string): Promise<Session> => json("POST", at(id, "/stop")),
  rate: async (id: string, rating: Rating): Promise<void> =>
    void (await call("POST", at(id, "/ratings"), rating)),
  ratings: async (id: string): Promise<readonly Rating[]> =>
    (await json<{ ratings: Rating[] }>("GET", at(id, "/ratings"))).ratings,
  enter: async (id: string, entry: EntryPost): Promise<string> =>
    (await json<{ id: string }>("POST", at(id, "/events"), entry)).id,
  pace: async (id: string, part: PacerPart, rateBpm: number): Promise<void> =>
    void (await call("PUT", at(id, "/pacer"), {
      rate_bpm: rateBpm,
      inhale_pct: part.inhale_pct,
      hold_in_ms: part.hold_in_ms,
      hold_out_ms: part.hold_out_ms,
    })),
  /** The whole of it, as the page made it itself already. */
  askPace: async (id: string, command: PaceCommand): Promise<void> =>
    void (await call("PUT", at(id, "/pacer"), { ...command, ease_s: command.ease_s ?? 0 })),
  usual: (simulated: boolean): Promise<Usual> => json("GET", `usual?simulated=${simulated}`),
  summary: (id: string): Promise<Summary> => json("GET", at(id, "/summary")),
  replay: (id: string, speed = 1): Promise<Session> => json("POST", at(id, "/replay"), { speed }),
  /** What changed over a session, as the core reckons it. */
  changes: (id: string): Promise<Changes> => json("GET", at(id, "/changes")),
  diaryAdd: async (entries: readonly DiaryEntry[]): Promise<void> =>
    void (await call("POST", "diary", { entries })),
  diary: async (): Promise<readonly DiaryEntry[]> =>
    (await json<{ entries: DiaryEntry[] }>("GET", "diary")).entries,
  history: (weeks: number): Promise<History> => json("GET", `history?weeks=${weeks}`),
  /** For ever, and answered once it is gone. */
  eraseAll: async (): Promise<void> => void (await call("POST", "my-data/erase", { confirm: "erase" })),
  /** Which pace an assessment has when; `lengths` is a query for researchers. */
  assessPlan: (form: AssessForm, lengths = ""): Promise<AssessPlan> =>
    json("GET", `assessment-plan?form=${form}${lengths}`),
  practices: async (): Promise<readonly Practice[]> =>
    (await json<{ practices: Practice[] }>("GET", "practices")).practices,
  assessment: (id: string): Promise<Assessment> => json("GET", at(id, "/assessment")),
  estimates: async (): Promise<readonly KeptEstimate[]> =>
    (await json<{ estimates: KeptEstimate[] }>("GET", "estimates")).estimates,
  myDataUrl: "/api/v1/my-data",
  recordingUrl: (id: string): string => `/api/v1/${at(id, "/recording")}`,
  trendUrl: (person: string): string => `/api/v1/people/${encodeURIComponent(person)}/trend?weeks=8&format=html`,
  reportUrl: (id: string, format: "html" | "pdf"): string => `/api/v1/${at(id, "/report")}?format=${format}`,
};
