/**
 * What this browser remembers of how the person likes to practise. Nothing about the
 * person or their pain is kept here. Each choice has a default that asks for nothing.
 */

const KEY = "biofeedback.preferences";
/** Where the first version kept the one thing it knew: the length. */
const FIRST_KEY = "biofeedback.minutes";

export const lengths = [3, 10, 20] as const;
export const forms = ["circle", "wave", "bar", "words", "sound", "vibration"] as const;
export const postures = ["sitting", "reclined", "lying", "standing"] as const;

export type Form = (typeof forms)[number];
export type Posture = (typeof postures)[number];

/** The bounds of what is a number, and the step of its − and + buttons. */
export const limits = {
  tone: { low: 0, high: 1, step: 0.1 },
  heart: { low: 0, high: 1, step: 0.1 },
  voice: { low: 0, high: 1, step: 0.1 },
  rateBpm: { low: 4.5, high: 7, step: 0.5 },
  inhalePct: { low: 30, high: 50, step: 5 },
  restMs: { low: 0, high: 2000, step: 500 },
} as const;

export interface Choices {
  readonly minutes: number;
  /** The practice done last; empty is breathing alone. */
  readonly practice: string;
  readonly form: Form;
  /** Volumes from 0 (silent) to 1: the breathing tone, the heart's sound, the voice. */
  readonly tone: number;
  readonly heart: number;
  readonly voice: number;
  readonly vibrate: boolean;
  readonly eyesClosed: boolean;
  readonly rateBpm: number;
  readonly inhalePct: number;
  /** A rest after breathing out. */
  readonly restMs: number;
  /** Whether a practice comes from the person's own rate. */
  readonly ramp: boolean;
  readonly adaptive: boolean;
  readonly posture: Posture;
  readonly askCraving: boolean;
  readonly askMood: boolean;
  /** Whether the pause before a pill stands at the top of every page. */
  readonly pause: boolean;
  /** Empty: as the browser has it. */
  readonly language: string;
  readonly country: string;
  /** When the list of whom to ask first was read (a date), or empty. */
  readonly askedFirst: string;
  /** The day on which somebody felt dizzy, so that nothing asks to begin again. */
  readonly restDay: string;
  /** Where the person last looked on the path of eight weeks. */
  readonly pathWeek: number;
}

const defaults: Choices = {
  minutes: 3,
  practice: "",
  form: "circle",
  tone: 0,
  heart: 0,
  voice: 0,
  vibrate: false,
  eyesClosed: false,
  rateBpm: 6,
  inhalePct: 40,
  restMs: 0,
  ramp: true,
  adaptive: false,
  posture: "sitting",
  askCraving: false,
  askMood: false,
  pause: true,
  language: "",
  country: "",
  askedFirst: "",
  restDay: "",
  pathWeek: 1,
};

/** What somebody needs who does not look, where it was never chosen. */
const eyesClosed = { tone: 0.6, heart: 0.3, voice: 0.8, vibrate: true } as const;

/** What is to be heard and felt now. */
export interface Wanted {
  readonly tone: number;
  readonly heart: number;
  readonly vibrate: boolean;
}

/** A pacer that is only heard or only felt is so, whatever else was chosen. */
export function wanted(choices: Pick<Preferences, "get">): Wanted {
  const form = choices.get("form");
  const tone = choices.get("tone");
  return {
    tone: form === "sound" && tone === 0 ? eyesClosed.tone : tone,
    heart: choices.get("heart"),
    vibrate: choices.get("vibrate") || form === "vibration",
  };
}

export class Preferences extends EventTarget {
  #choices: Choices;

  constructor(kept: unknown) {
    super();
    this.#choices = merged(kept);
  }

  get<K extends keyof Choices>(name: K): Choices[K] {
    return this.#choices[name];
  }

  set<K extends keyof Choices>(name: K, value: Choices[K]): void {
    this.#choices = { ...this.#choices, [name]: value };
    write(this.#choices);
    this.dispatchEvent(new Event("change"));
  }

  /** Another tab has chosen: what it kept holds here too. */
  take(kept: unknown): void {
    this.#choices = merged(kept);
    this.dispatchEvent(new Event("change"));
  }

  /** Eyes closed: whatever was silent becomes audible and felt, and can be changed again. */
  closeEyes(closed: boolean): void {
    const usual = closed ? eyesClosed : {};
    for (const [name, value] of Object.entries(usual) as [keyof typeof eyesClosed, never][]) {
      if (!this.#choices[name]) this.set(name, value);
    }
    this.set("eyesClosed", closed);
  }

  /** Back to the beginning, and nothing kept. */
  forget(): void {
    this.#choices = defaults;
    try {
      localStorage.removeItem(KEY);
      localStorage.removeItem(FIRST_KEY);
    } catch {
      // Nothing was kept.
    }
    this.dispatchEvent(new Event("change"));
  }
}

/** What was kept, where it still fits; an older page may have known other choices. */
function merged(kept: unknown): Choices {
  const known: Record<string, unknown> = typeof kept === "object" && kept !== null ? { ...kept } : {};
  const entries = Object.entries(defaults).map(([name, usual]) => {
    const value = known[name];
    return [name, typeof value === typeof usual ? value : usual] as const;
  });
  const choices = Object.fromEntries(entries) as unknown as Choices;
  const within = (name: keyof typeof limits): number => {
    const { low, high } = limits[name];
    const value = choices[name];
    return Number.isFinite(value) ? Math.min(Math.max(value, low), high) : defaults[name];
  };
  return {
    ...choices,
    minutes: lengths.find((minutes) => minutes === choices.minutes) ?? defaults.minutes,
    form: forms.find((form) => form === choices.form) ?? defaults.form,
    posture: postures.find((posture) => posture === choices.posture) ?? defaults.posture,
    pathWeek: [1, 2, 3, 4, 5, 6, 7, 8].includes(choices.pathWeek) ? choices.pathWeek : defaults.pathWeek,
    tone: within("tone"),
    heart: within("heart"),
    voice: within("voice"),
    rateBpm: within("rateBpm"),
    inhalePct: within("inhalePct"),
    restMs: within("restMs"),
  };
}

/** What this browser kept: of this version, or else what the first one knew. */
export function read(storage: Pick<Storage, "getItem">): unknown {
  try {
    const kept = storage.getItem(KEY);
    if (kept !== null) return JSON.parse(kept);
    const minutes = storage.getItem(FIRST_KEY);
    return minutes === null ? null : { minutes: Number(minutes) };
  } catch {
    return null; // storage is switched off or damaged: only these choices are lost
  }
}

function write(choices: Choices): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(choices));
    localStorage.removeItem(FIRST_KEY);
  } catch {
    // As above: they hold until the page is closed.
  }
}

export const preferences = new Preferences(typeof localStorage === "undefined" ? null : read(localStorage));

if (typeof window !== "undefined") {
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) preferences.take(read(localStorage));
  });
}
