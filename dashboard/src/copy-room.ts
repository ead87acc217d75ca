/** The words of the pages of therapists and admins; apart from what every page loads. */

import type { RatingType } from "./protocol.ts";
import type { Mark } from "./room-keys.ts";
import type { News } from "./room-news.ts";
import type { Answer } from "./room-together.ts";
import { type Standing, type Stream, STREAMS } from "./room-tile.ts";
import type { Role } from "./who.ts";

const plural = (n: number, one: string, many: string): string => (n === 1 ? one : many);

export const standingWords: Readonly<Record<Standing, string>> = {
  unknown: "Nothing heard yet",
  searching: "Searching for the strap",
  connecting: "Connecting",
  services: "Connected, asking the strap",
  waiting: "Waiting for RR",
  streaming: "Streaming",
  contact_lost: "Contact lost",
  stale: "No beats come",
  reconnecting: "Reconnecting",
  silent: "Nothing heard any more",
  ended: "Ended",
  paused: "Sharing paused",
  withheld: "Heart not shared",
};

export const ratingWords: Readonly<Record<RatingType, string>> = {
  pain_intensity: "Pain intensity",
  pain_unpleasantness: "Pain unpleasantness",
  arousal: "Arousal",
  craving: "Craving",
  self_control: "Self-control",
  mood: "Mood",
};

export const markWords: Readonly<Record<Mark, string>> = {
  posture_change: "Posture change",
  talking: "Talking",
  cough: "Cough",
  tearful: "Tearful",
  movement: "Movement",
  zoom_in: "Zoom in begins",
  savoring: "Savoring begins",
  mark: "Mark",
};

/** As the person reads them where they give consent. */
const streamWords: Readonly<Record<Stream, string>> = {
  heart: "heart",
  breathing: "breathing",
  ratings: "answers",
  notes: "what they write",
};

/** "heart, breathing", in the order of the consent. */
export function streamsWords(streams: readonly Stream[]): string {
  return STREAMS.filter((stream) => streams.includes(stream))
    .map((stream) => streamWords[stream])
    .join(", ");
}

export const roleWords: Readonly<Record<Role, string>> = {
  owner: "owner",
  patient: "patient",
  therapist: "therapist",
  researcher: "researcher",
  admin: "admin",
  program: "program",
};

/** What an entry of a session is called, where it is no rating and no mark. */
const entryWords: Readonly<Record<string, string>> = {
  adaptive: "Pace may follow the heart",
  correction: "Taken back",
  eyes: "Eyes",
  hand: "Hand",
  message: "Message",
  message_shown: "Message seen",
  pacer_accepted: "Pace accepted",
  pacer_declined: "Kept own pace",
  pacer_proposed: "Pace proposed",
  phase: "Phase",
  posture: "Posture",
  practice: "Practice",
  recording_stopped: "The recording stopped",
  records_lost: "Records were lost",
  sharing: "Sharing",
  symptom: "Symptom",
  watching: "Watching",
};

/** How long ago, in the shortest words that are still clear. */
export function agoWords(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return "just now";
  const min = Math.round(s / 60);
  return min < 60 ? `${min} min ago` : `${Math.round(min / 60)} h ago`;
}

export function sinceWords(s: number): string {
  return s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`;
}

/** "3:07", or "1:03:07" */
export function timeWords(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  const rest = `${Math.floor((s % 3600) / 60)}`;
  return h > 0 ? `${h}:${rest.padStart(2, "0")}:${two(s % 60)}` : `${rest}:${two(s % 60)}`;
}

export function entryTitle(type: string): string {
  const known = { ...entryWords, ...ratingWords, ...markWords }[type];
  if (known) return known;
  const plain = type.replaceAll("_", " ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

export function keyWords(key: string): string {
  return key === " " ? "space" : key;
}

export function newsWords(one: News): string {
  const { alias } = one;
  switch (one.what) {
    case "came":
      return `${alias} shares now.`;
    case "left":
      return `${alias} shares no longer.`;
    case "hand":
      return `${alias} raised a hand.`;
    case "paused":
      return `${alias} paused sharing.`;
    case "resumed":
      return `${alias} shares again.`;
    case "trouble":
      return `${alias}: ${standingWords[one.standing].toLowerCase()}.`;
    case "back":
      return `${alias}: data come again.`;
  }
}

export const words = {
  nav: {
    label: "Pages",
    room: "Room",
    people: "People",
    accounts: "Accounts",
    recordings: "Recordings",
    practise: "Practise yourself",
    signOut: "Sign out",
    soonOut: "You will be signed out soon, because nobody has touched this page. Move or press a key to stay.",
    signedIn: (name: string, role: string): string => `Signed in as ${name}, ${role}. Your account`,
  },
  room: {
    title: "The room",
    now: (n: number): string => `${n} ${plural(n, "person shares", "people share")} now`,
    troubled: (n: number): string => `${n} with data to look at`,
    hands: (n: number): string => `${n} ${plural(n, "hand", "hands")} up`,
    paused: (n: number): string => `${n} paused`,
    order: "Data that need a look come first, then raised hands, then by when they began.",
    behind: "≈ 1–2 s behind",
    behindLong: "What is shown is about 1–2 seconds behind.",
    empty: "Nobody shares a session now.",
    emptySteps: [
      "The person signs in, opens who may see, and gives you consent for live viewing.",
      "They begin a session and say yes to sharing it. They are asked each time.",
      "Their tile appears here by itself. They can pause or stop sharing at any moment.",
    ],
    emptyPeople: "See who has given you consent",
    lost: "The connection to the service is gone. This page tries again by itself; nothing here is current.",
    tiles: "Sessions shared with you",
    hand: "Hand up",
    paused1: "Sharing paused",
    simulated: "Simulated",
    simulatedShort: "Sim.",
    perMin: "/min",
    scale: (low: number, high: number): string => `${low}–${high} /min`,
    span: (s: number): string => `${s} s`,
    sinceBeat: (s: number): string => `beat ${sinceWords(s)} ago`,
    rsa: "RSA",
    rsaUsual: (low: string, high: string): string => `usual ${low}–${high}`,
    noUsual: "usual not known yet",
    inPhase: "In phase",
    artefacts: "Artefacts",
    rating: (name: string, value: number, ago: string): string => `${name} ${value}, ${ago}`,
    noRating: "No rating yet",
    withheld: (streams: string): string => `Not shared: ${streams}`,
    ratingUnknown: "Rating –",
    notShared: "not shared",
    own: "Breathing on their own now",
    ownShort: "On their own now",
    keys: "Keys",
    hideCurves: "Hide the curves",
    showCurves: "Show the curves",
  },
  /** One tile for those who listen. */
  spoken: {
    hr: (bpm: number): string => `heart rate ${bpm}`,
    rsa: (bpm: string, usual: string): string => `RSA ${bpm} beats a minute, ${usual}`,
    inPhase: (pct: number): string => `in phase ${pct} per cent`,
    artefacts: (pct: number): string => `artefacts ${pct} per cent`,
    usual: (low: string, high: string): string => `usual ${low} to ${high}`,
    sinceBeat: (s: number): string => `last beat ${s} ${plural(s, "second", "seconds")} ago`,
  },
  detail: {
    back: "Back to the room",
    gone: (alias: string): string => (alias ? `${alias} cannot be seen here now.` : "This session is not shared with you."),
    goneLong: "It ended, sharing or the consent did, or its computer cannot be reached. If that comes back, it goes on here by itself.",
    paused: "Sharing is paused. Nothing is sent until the person goes on.",
    trace: "Heart rate (/min), last two minutes",
    traceBreath: "over the paced breath",
    began: (when: string): string => `Began ${when}`,
    numbers: "Numbers",
    window: "Window",
    seconds: (s: string): string => (s === "300" ? "5 min" : `${s} s`),
    rows: {
      hr_bpm: "Heart rate (/min)",
      rmssd_ms: "RMSSD (ms)",
      sdnn_ms: "SDNN (ms)",
      pnn50_pct: "pNN50 (%)",
      artefact_pct: "Artefacts (%)",
      coverage: "Coverage (%)",
    },
    rsa: "RSA, newest breaths",
    rsaUnit: (bpm: string, ms: string | null): string => (ms === null ? `${bpm} /min` : `${bpm} /min, ${ms} ms`),
    inPhase: "In phase with the pacer",
    phase: "Heart lags the pacer by",
    pace: "Pace",
    breathing: "Breathing, measured",
    breaths: (rate: string): string => `${rate} breaths/min`,
    paceNow: (rate: string, goal: string | null, inhale: string): string =>
      `${rate} breaths/min${goal === null ? "" : `, going to ${goal}`}, ${inhale} % in`,
    confidence: (pct: number): string => `confidence ${pct} %`,
    followed: "Follows the pace",
    peak: "LF peak, 64 s",
    coherence: "Coherence ratio, 64 s",
    activation: "Body activation, against own baseline",
    bands: { lower: "lower", usual: "usual", higher: "higher" },
    yes: "yes",
    no: "no",
    unknown: "–",
    withheld: "not shared",
    events: "What happened",
    noEvents: "Nothing yet.",
    you: "you",
    person: "person",
    system: "service",
    allEvents: (n: number): string => `Show all ${n}`,
    links: "Reports",
    report: "Reports and trend of this person",
  },
  marks: {
    title: "Mark a moment",
    lead: "Kept in the recording with your code and the time, and told in the report.",
    made: (name: string, at: string): string => `Marked at ${at}: ${name}.`,
    undo: "Undo",
    undone: (name: string): string => `Taken back: ${name}. The recording keeps both.`,
    notSent: "Not sent: there is no connection now.",
    off: "Single keys are switched off.",
  },
  pace: {
    title: "Propose a pace",
    rate: "Breaths a minute",
    rateExact: "Exactly",
    inhale: "In-breath, %",
    send: "Propose",
    note: "It begins at a breath, once the person accepts. They may always keep their own.",
    answers: {
      waiting: "Waiting for an answer",
      accepted: "Accepted",
      declined: "They kept their own pace",
      lapsed: "Not answered within a minute; they keep their own pace",
      replaced: "Replaced by a newer one",
    } satisfies Record<Answer, string>,
    left: (s: number): string => `${s} s left`,
    said: (rate: string, inhale: number | null): string =>
      inhale === null ? `${rate} breaths/min` : `${rate} breaths/min, ${inhale} % in`,
  },
  say: {
    title: "Message",
    label: "To the person",
    note: "Appears between breaths, and is kept in the recording. Up to 200 signs.",
    send: "Send",
    sent: "sent",
    seen: "seen",
  },
  notes: {
    title: "Private notes",
    lead: "Only you see these. They are apart from the record and from every report.",
    label: "New note",
    save: "Keep the note",
    none: "No notes on this person.",
    thisSession: "this session",
    forget: "Delete",
    sure: "Delete this note for ever?",
    yes: "Yes, delete",
    no: "Keep it",
  },
  keys: {
    title: "Keys",
    inRoom: "In the room",
    arrows: "Go from tile to tile",
    firstLast: "First or last tile",
    enter: "Open the session beside the room",
    escape: "Out of a field; then close the session, back to its tile",
    help: "These keys",
    inDetail: "In a session, outside of a field",
    change: "Each mark may have another letter or digit.",
    on: "Single keys mark moments, and ? opens this list",
    keyOf: (name: string): string => `Key for ${name}`,
    usual: "The usual keys again",
    close: "Close",
  },
  people: {
    title: "People",
    lead: "Who has given you consent, for what, and until when.",
    none: "Nobody has given you consent yet.",
    noneLong: "A person gives it on their own device, under who may see. Invite someone who has no account yet.",
    live: "Live",
    report: "Reports",
    nothing: "nothing",
    until: (when: string): string => `until ${when}`,
    open: "Open",
    openOne: (alias: string): string => `Open ${alias}`,
    back: "All people",
    sessions: "Sessions",
    noSessions: "No finished session is shared for reports.",
    noReport: "This person has not given consent for reports.",
    when: "When",
    length: "Length",
    minutes: (n: number): string => (n < 1 ? "under 1 min" : `${n} min`),
    live1: "goes on now",
    closing: "is being written",
    symptom: "a symptom was noted",
    read: "Report",
    of: (what: string, when: string): string => `${what} of ${when}`,
    trend: "Eight weeks",
    trendLead: "Practice, ratings and quality over eight weeks, on one page.",
    trendRead: "Open the trend page",
    pdf: "PDF",
    csv: "CSV",
    gone: "There is nobody of that name who shares with you now.",
  },
  invite: {
    title: "Invite somebody",
    titlePatient: "Invite a patient",
    role: "As",
    make: "Make an invite link",
    once: "This link is shown once. It works once, within 72 hours.",
    label: "Invite link",
    for: (role: string): string => `For a ${role}`,
    forAccount: (name: string): string => `New way in for ${name}`,
    copy: "Copy",
    copied: "Copied.",
    notCopied: "Mark the link and copy it yourself.",
    done: "I have passed it on",
    open: "Open invites",
    none: "No invite is open.",
    expires: (when: string): string => `until ${when}`,
    by: (name: string): string => `by ${name}`,
    console: "made on the console",
    revoke: "Revoke",
    revokeOne: (role: string): string => `Revoke the invite of a ${role}`,
  },
  accounts: {
    title: "Accounts",
    lead: "Who may sign in here. Health data are on none of these pages.",
    code: "Code",
    display: "Shown as",
    role: "Role",
    since: "Since",
    seen: "Last seen",
    ways: "Signs in by",
    never: "never",
    password: "password",
    passkeys: (n: number): string => `${n} ${plural(n, "passkey", "passkeys")}`,
    noWay: "no way in yet",
    you: "you",
    revoked: (when: string): string => `revoked ${when}`,
    actions: "Change",
    reset: "New way in",
    resetOne: (name: string): string => `Make a new way in for ${name}`,
    revoke: "Revoke",
    revokeOne: (name: string): string => `Revoke ${name}`,
    sure: (name: string): string => `Revoke ${name}?`,
    sureLong: "They are signed out everywhere at once and cannot sign in again. What was recorded stays.",
    yes: "Revoke",
    no: "Cancel",
    none: "No accounts yet: one person uses this, by the printed link. The first account you invite should be an admin.",
    showRevoked: (n: number): string => `Show ${n} revoked`,
  },
  audit: {
    title: "Audit",
    lead: "Who did what about whom, newest first. It holds no names of people and no measured values: a patient is eight signs, the same in every row.",
    whole: (n: number): string => `The chain is whole: none of its ${n} rows was changed or taken out.`,
    broken: (seq: number | null): string =>
      `The chain does not hold${seq === null ? "" : ` from row ${seq} on`}: something was changed or taken out. Keep a copy, and run "biofeedback audit verify".`,
    head: "Newest hash",
    at: "When",
    who: "Who",
    what: "What",
    about: "About",
    nobody: "–",
    outcome: "Outcome",
    from: "From",
    ok: "done",
    refused: "refused",
    more: "Show more",
    none: "Nothing yet.",
  },
};
