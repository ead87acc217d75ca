/**
 * Every sentence a person reads. Second person, short (at most 15 words), calm, no
 * exclamation marks. Nothing here promises, praises or advises on medicine.
 */

import type { ChoiceTrouble } from "./bluetooth.ts";
import type { ActivationBand, LinkStateName, RatingType, Step } from "./protocol.ts";
import type { Phase } from "./pacer.ts";

export interface Question {
  readonly type: RatingType;
  readonly prompt: string;
  readonly short: string;
  readonly low: string;
  readonly high: string;
  readonly from: number;
  readonly to: number;
}

export const questions: readonly Question[] = [
  {
    type: "pain_intensity",
    prompt: "How strong is your pain right now?",
    short: "How strong the pain was",
    low: "No pain",
    high: "Worst pain imaginable",
    from: 0,
    to: 10,
  },
  {
    type: "pain_unpleasantness",
    prompt: "How unpleasant is your pain right now?",
    short: "How unpleasant it was",
    low: "Not at all unpleasant",
    high: "Most unpleasant",
    from: 0,
    to: 10,
  },
  {
    type: "arousal",
    prompt: "How calm or stirred up do you feel right now?",
    short: "How stirred up you felt",
    low: "Calm",
    high: "Stirred up",
    from: 1,
    to: 9,
  },
];

export const phaseWords: Readonly<Record<Phase, string>> = {
  in: "Breathe in",
  hold_in: "Rest",
  out: "Breathe out",
  hold_out: "Rest",
};

export const linkWords: Readonly<Record<LinkStateName | "none", string>> = {
  none: "Getting ready.",
  searching: "Looking for your strap.",
  connecting: "Connecting to your strap.",
  streaming: "Your strap is connected.",
  contact_lost: "The strap feels no skin.",
  stale: "Connected, but no heartbeat is coming.",
  reconnecting: "The strap is away. It is being found again.",
  ended: "The strap is disconnected.",
};

/** What happens now, where more is known than the state. */
export const stepWords: Readonly<Partial<Record<Step, string>>> = {
  scanning: "Looking for your strap.",
  connecting: "Connecting to your strap.",
  discovering: "Connected. Getting to know your strap.",
  subscribing: "Connected. Waiting for the first heartbeat.",
};

/** The same, once the strap has been heard in this practice. */
export const againWords: Readonly<Partial<Record<Step, string>>> = {
  scanning: "The strap is away. Looking for it.",
  connecting: "The strap is away. Connecting to it again.",
  discovering: "Your strap is back. Getting ready.",
  subscribing: "Your strap is back. Waiting for a heartbeat.",
  lost: "The strap is away. It is being found again.",
  backoff: "The strap is away. The next try comes soon.",
};

export const copy = {
  name: "Biofeedback",
  help: "Help",
  wait: "One moment.",
  home: "Home",
  tryAgain: "Try again",
  unreachable: "The service cannot be reached.",
  unreachableAdvice: "Check that it is still running. Then try again.",
  unknownProblem: "That did not work.",
  answersWait: "Your answers are kept here. They are sent when the service is back.",
  answerRefused: "An answer could not be saved.",

  signIn: {
    title: "Open your link",
    lead: "Biofeedback printed a link where it was started. Open that link to come in.",
    again: "Each link works once. If yours was used, start biofeedback again for a new one.",
    busy: "Opening your page.",
  },

  start: {
    title: "Time to breathe",
    lead: "Put on your strap and sit or lie as you like.",
    strap: "Your strap",
    searching: "Looking for straps near you. You can begin at any time.",
    found: (n: number): string => (n === 1 ? "1 strap found." : `${n} straps found.`),
    none: "No chest strap found nearby. The simulated one works without a strap.",
    noRadio: "Bluetooth is not ready.",
    noRadioMore: "More",
    noRadioChoice: "The simulated strap works without it.",
    searchAgain: "Search again",
    simulated: "simulated",
    simulatedHint: "A made-up heart",
    strong: "Strong signal",
    good: "Good signal",
    weak: "Weak signal. Move closer.",
    known: "Chest strap",
    outOfReach: "Known here. It does not answer yet.",
    hint: "A word about this strap.",
    hintAway: "How to wake this strap.",
    minutes: "About how many minutes",
    begin: "Begin",
    beginning: "Starting",
    running: "A practice is still running",
    runningLead: "It kept going while you were away.",
    goBack: "Go back to it",
    endIt: "End it",
    earlier: "Earlier",
    noneYet: "Your practices will be listed here.",
    all: "All recordings",
    seeAgain: "See it again",
    seeAgainOf: (when: string): string => `See it again: ${when}`,
    saving: "Being saved",
  },

  ask: {
    before: "Before you begin",
    after: "Before you go",
    of: (n: number, all: number): string => `Question ${n} of ${all}`,
    skip: "Skip",
    next: "Next",
    skipAll: "Skip all three",
    leave: "Not now",
    keys10: "Keys 0 to 9. For 10, press 1 then 0.",
    keys9: "Keys 1 to 9.",
    highPain: "That is a lot. Help is at the top of this page.",
    saving: "Saving your practice.",
    savingLate: "Check that it is still running. This page tries again by itself.",
  },

  practice: {
    title: "Practice",
    simulated: "Simulated heart",
    trace: "The last minute",
    traceEmpty: "Your heart will show here.",
    traceWords: (low: number, high: number): string =>
      `Over the last minute your heart rate was between ${low} and ${high}.`,
    traceNone: "There is no heart rate to show yet.",
    breathKey: "breath",
    heartKey: "heart",
    left: (minutes: number): string =>
      minutes <= 0
        ? "The last breath"
        : minutes === 1
          ? "About 1 minute left"
          : `About ${minutes} minutes left`,
    lessThanOne: "Less than a minute left",
    rateNow: "How is it now?",
    rateTitle: "How is it now?",
    rateLead: "Answer what you like. Leave out the rest.",
    save: "Save",
    close: "Close",
    saved: "Saved.",
    stop: "Stop",
    dizzy: "I feel dizzy",
    slower: "Slower",
    faster: "Faster",
    pace: "Pace",
    perMinute: (rate: string): string => `${rate} breaths a minute`,
    paceSoon: "The new pace starts with the next breath.",
    showNumbers: "Show numbers",
    hideNumbers: "Hide numbers",
    numbers: "Numbers",
    heartRate: "Heart rate",
    heartRateUnit: "beats a minute",
    age: (seconds: number): string => `from ${seconds} seconds ago`,
    range: "Heart rhythm range",
    rangeUnit: "beats a minute, each breath",
    rmssd: "RMSSD, last minute",
    rmssdUnit: "ms",
    coverage: (seconds: number): string => `from about ${seconds} clean seconds`,
    notKnown: "not known yet",
    gathering: "Gathering heartbeats.",
    needsBreaths: "It needs a few whole breaths with clean heartbeats.",
    needsBeats: "It needs more clean heartbeats.",
    lost: "The page lost the service. Keep breathing. It comes back by itself.",
  },

  body: {
    /** It is an estimate, and says so wherever it stands. */
    title: "Body activation (estimate)",
    band: {
      lower: "Calmer than your quiet minutes",
      usual: "About as in your quiet minutes",
      higher: "More stirred up than your quiet minutes",
    } satisfies Record<ActivationBand, string>,
    sure: "Fairly sure",
    unsure: "Not very sure",
    from: (minutes: number): string =>
      minutes === 1 ? "Measured against 1 quiet minute." : `Measured against ${minutes} quiet minutes.`,
    alike: "Your body and your feeling are alike just now.",
    calmer: "Your body looks calmer than you feel. Both are true.",
    stirred: "Your body looks more stirred up than you feel. Both are true.",
  },

  signals: {
    ecg: {
      show: "Show the ECG",
      hide: "Hide the ECG",
      title: "ECG, the last seconds",
      note: "As the strap measures it. It is not a medical examination.",
      amount: (uv: number): string => `${uv / 1000} mV`,
    },
    acc: {
      show: "Show movement",
      hide: "Hide movement",
      title: "Movement in three directions",
      note: "Breath and stirring, as the strap feels them.",
      amount: (mg: number): string => `${mg / 1000} g`,
    },
    second: "1 s",
    scale: (amount: string): string => `The bars are ${amount} and 1 second.`,
    waiting: "Waiting for the first seconds. This can take half a minute.",
    none: "Nothing is coming. The strap may need newer firmware for this.",
  },

  browser: {
    offer: "Use this browser's Bluetooth (experimental)",
    waiting: "Choose your strap in the browser's list.",
    chosen: "Through this browser",
    keepOpen: "Keep this page open while you practise.",
    again: "This page was loaded anew. Your strap waits for one tap.",
    againButton: "Connect the strap again",
    trouble: {
      off: "Bluetooth is switched off on this device. Switch it on and try again.",
      refused: "This browser may not use Bluetooth here. Allow it in its settings.",
      failed: "This browser's Bluetooth did not answer. Try again.",
    } satisfies Record<ChoiceTrouble, string>,
  },

  dizzy: {
    title: "Breathe as you like now",
    lines: [
      "The pacing has stopped. Sit down if you are standing.",
      "Let your breath be small and easy. Smaller, not deeper.",
      "Purse your lips a little as you breathe out.",
      "The feeling often fades in a few minutes.",
      "If your chest hurts or breathing is hard, call your emergency number.",
    ],
    noMore: "Leave it at that for today.",
    done: "I am all right",
  },

  done: {
    title: "You are done",
    lead: "This is what was noted.",
    writing: "Your summary is being written.",
    notReady: "There is no summary of the heart this time.",
    length: (about: string): string => `You were here for ${about}.`,
    steady: "The signal was steady.",
    mostly: "The signal was mostly steady, with some gaps.",
    patchy: "The signal came and went, so the heart is only partly known.",
    noSignal: "No heart signal came, so nothing is known of the heart.",
    simulated: "The heart in this practice was simulated.",
    answers: "Your answers",
    noAnswers: "You gave no answers this time. That is fine.",
    before: (v: number): string => `${v} before`,
    after: (v: number): string => `${v} after`,
    during: (values: string): string => `${values} during`,
    lower: (n: number): string => (n === 1 ? "1 point lower" : `${n} points lower`),
    higher: (n: number): string => (n === 1 ? "1 point higher" : `${n} points higher`),
    same: "the same",
    gap: "Unpleasantness beside strength",
    gapWords: (before: string, after: string): string => `Before, it was ${before}. After, ${after}.`,
    equal: "as unpleasant as strong",
    less: (n: number): string => `${n} ${points(n)} less unpleasant than strong`,
    more: (n: number): string => `${n} ${points(n)} more unpleasant than strong`,
    caveat: "Pain comes and goes by itself. One practice cannot say why.",
    download: "Download the recording",
  },

  replay: {
    label: "Replay",
    of: (when: string): string => `Replay of ${when}`,
    title: "Replay",
    stop: "Stop the replay",
    ended: "The replay has ended.",
    again: "See it again",
    said: (short: string, value: number): string => `${short}: ${value}`,
    at: (about: string): string => `${about} in`,
  },

  replayBar: {
    title: "Replay controls",
    words: (speed: number, state: string): string => `Replay, ${speed}×, ${state}`,
    states: { playing: "playing", paused: "paused", ended: "at its end" },
    position: (at: string, of: string): string => `${at} of ${of}`,
    seek: "Go to a time",
    play: "Play",
    pause: "Pause",
    step: { beat: "Next beat", tick: "Next second", event: "Next event" },
    speed: "Speed",
    loopFrom: "Loop from here",
    loopTo: "Loop to here",
    loopOff: "End the loop",
    looping: (from: string, to: string): string => `Going round from ${from} to ${to}.`,
  },

  time: {
    moments: "less than a minute",
    minute: "about 1 minute",
    minutes: (n: number): string => `about ${n} minutes`,
  },

  crisis: {
    title: "Help",
    close: "Close",
    watching: "Nobody is watching this in real time.",
    now: "In danger now, or thinking of ending your life",
    lines: [
      { where: "United States", what: "Call or text 988, day or night", call: "988" },
      { where: "UK and Ireland", what: "Samaritans: call 116 123", call: "116123" },
      { where: "European Union", what: "Emergency: call 112", call: "112" },
    ],
    elsewhere: "Anywhere else, call your local emergency number.",
    breath: "Dizzy, tingling or short of breath",
    breathLines: [
      "Stop the pacing. Breathe as you like.",
      "Breathe smaller, not deeper. Sit down.",
      "If your chest hurts or breathing is hard, call an emergency number.",
    ],
    asleep: "Very sleepy, or hard to stay awake",
    asleepLines: ["Stop here. Do not practise alone.", "If you cannot stay awake, call an emergency number."],
    what: "What this is",
    about: "A practice and self-observation tool. It is not a medical device.",
    aboutMore: "It does not diagnose, treat or monitor. It is not for emergencies.",
    medicine: "Talk to your prescriber before changing any medicine.",
    private: "Opening this page is not recorded.",
  },
} as const;

function points(n: number): string {
  return n === 1 ? "point" : "points";
}
