/**
 * Every sentence a person reads. Second person, short (at most 15 words), calm, no
 * exclamation marks. Nothing here promises, praises or advises on medicine.
 */

import type { ChoiceTrouble } from "../bluetooth.ts";
import type { Question } from "../copy.ts";
import type { Phase } from "../pacer.ts";
import type { Form } from "../preferences.ts";
import type { ActivationBand, Band, LinkStateName, Step } from "../protocol.ts";

const questions: readonly Question[] = [
  {
    type: "pain_intensity",
    prompt: "How strong is your pain right now?",
    short: "How strong the pain was",
    low: "No pain",
    high: "Worst pain imaginable",
    words: { 3: "mild", 5: "medium", 7: "strong" },
    from: 0,
    to: 10,
  },
  {
    type: "pain_unpleasantness",
    prompt: "How unpleasant is your pain right now?",
    short: "How unpleasant it was",
    low: "Not at all unpleasant",
    high: "Most unpleasant",
    words: { 3: "a little", 5: "rather", 7: "very" },
    from: 0,
    to: 10,
  },
  {
    type: "arousal",
    prompt: "How calm or stirred up do you feel right now?",
    short: "How stirred up you felt",
    low: "Calm",
    high: "Stirred up",
    words: { 5: "between" },
    from: 1,
    to: 9,
  },
  {
    type: "craving",
    prompt: "How strong is the pull right now?",
    short: "How strong the pull was",
    low: "No pull at all",
    high: "The strongest pull",
    words: { 3: "slight", 5: "clear", 7: "strong" },
    from: 0,
    to: 10,
  },
  {
    type: "self_control",
    prompt: "How much can you choose what you do right now?",
    short: "How much you could choose",
    low: "Not at all",
    high: "Fully",
    words: { 3: "a little", 5: "half", 7: "mostly" },
    from: 0,
    to: 10,
  },
  {
    type: "mood",
    prompt: "How is your mood right now?",
    short: "Your mood",
    low: "Very low",
    high: "Very good",
    words: { 3: "low", 5: "so-so", 7: "good" },
    from: 0,
    to: 10,
  },
];

/**
 * Once a week: the three items of the PEG (Krebs et al. 2009, public domain; ends as
 * published, the question put a little shorter), sleep and mood.
 */
const weekQuestions: readonly (Omit<Question, "type"> & { readonly type: string })[] = [
  {
    type: "peg_pain",
    prompt: "What number best describes your pain on average in the past week?",
    short: "Pain on average",
    low: "No pain",
    high: "Pain as bad as you can imagine",
    words: { 3: "mild", 5: "medium", 7: "strong" },
    from: 0,
    to: 10,
  },
  {
    type: "peg_enjoyment",
    prompt: "In the past week, how much has pain interfered with your enjoyment of life?",
    short: "Enjoyment of life",
    low: "Does not interfere",
    high: "Completely interferes",
    words: { 3: "a little", 5: "rather", 7: "a lot" },
    from: 0,
    to: 10,
  },
  {
    type: "peg_activity",
    prompt: "In the past week, how much has pain interfered with your general activity?",
    short: "General activity",
    low: "Does not interfere",
    high: "Completely interferes",
    words: { 3: "a little", 5: "rather", 7: "a lot" },
    from: 0,
    to: 10,
  },
  {
    type: "sleep",
    prompt: "How did you sleep in the past week?",
    short: "Sleep",
    low: "Very badly",
    high: "Very well",
    words: { 3: "badly", 5: "so-so", 7: "well" },
    from: 0,
    to: 10,
  },
  {
    type: "mood",
    prompt: "How was your mood in the past week?",
    short: "Mood",
    low: "Very low",
    high: "Very good",
    words: { 3: "low", 5: "so-so", 7: "good" },
    from: 0,
    to: 10,
  },
];

const phaseWords: Readonly<Record<Phase, string>> = {
  in: "Breathe in",
  hold_in: "Rest",
  out: "Breathe out",
  hold_out: "Rest",
};

const linkWords: Readonly<Record<LinkStateName | "none", string>> = {
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
const stepWords: Readonly<Partial<Record<Step, string>>> = {
  scanning: "Looking for your strap.",
  connecting: "Connecting to your strap.",
  discovering: "Connected. Getting to know your strap.",
  subscribing: "Connected. Waiting for the first heartbeat.",
};

/** The same, once the strap has been heard in this practice. */
const againWords: Readonly<Partial<Record<Step, string>>> = {
  scanning: "The strap is away. Looking for it.",
  connecting: "The strap is away. Connecting to it again.",
  discovering: "Your strap is back. Getting ready.",
  subscribing: "Your strap is back. Waiting for a heartbeat.",
  lost: "The strap is away. It is being found again.",
  backoff: "The strap is away. The next try comes soon.",
};

/**
 * What the service says itself: by the reason of the link, the type of an event, the
 * strap ("strap/…"), the plan ("plan/…") or the status of an answer; else by the
 * sentence. English has none: the service's own are English, and may say more.
 */
const serviceWords: Readonly<Partial<Record<string, string>>> = {};

const copy = {
  name: "Biofeedback",
  help: "Help",
  /** One tap from everywhere: a pause before something is taken. */
  pauseFirst: "Pause first",
  wait: "One moment.",
  home: "Home",
  tryAgain: "Try again",
  unreachable: "The service cannot be reached.",
  unreachableAdvice: "Check that it is still running. Then try again.",
  unreachableMeanwhile: "These work without it, and so does Help.",
  unknownProblem: "That did not work.",
  answersWait: "Your answers are kept here. They are sent when the service is back.",
  answerRefused: "An answer could not be saved.",

  opening: "Opening your page.",
  /** In a place that several people share; the other words of it are in `together/`. */
  whoSees: "Who may see",
  account: "Your account",
  signOut: "Sign out",
  findPace: "Find your pace",
  report: {
    page: "Read it as a page",
    pdf: "Take it as a PDF",
    trend: "Eight weeks as a page",
  },

  start: {
    title: "Time to breathe",
    lead: "Sit or lie as you like.",
    strap: "Your strap",
    noStrapYet: "None chosen yet",
    what: "What to do",
    alone: "Breathing alone",
    aloneLine: "Follow the pace, and nothing else.",
    noStrap: "Breathe without a strap",
    more: "More pages",
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
    minutes: "How many minutes",
    /** Three are exact; a longer time ends with a breath. */
    about: (minutes: number): string => (minutes < 10 ? String(minutes) : `about ${minutes}`),
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
    skipAll: "Skip all",
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
    stop: "Finish",
    lostIt: "I lost it",
    rejoined: "A new breath begins here.",
    /** Before the first breath. */
    leadIn: "Let a breath go",
    more: "Change the pacer",
    form: "How it is shown",
    forms: {
      circle: "Circle",
      wave: "Wave",
      bar: "Bar",
      words: "Words",
      sound: "Sound only",
      vibration: "Vibration only",
    } satisfies Record<Form, string>,
    noVibration: "This device cannot vibrate. Words stand in.",
    hide: "Hide what moves",
    show: "Show what moves",
    /** What a still page says while cues are heard or felt. */
    listen: "Listen",
    feel: "Feel",
    inOut: { in: "In …", hold_in: "Rest", out: "Out …", hold_out: "Rest" } satisfies Record<Phase, string>,
    free: "Three breaths of your own",
    freeLead: "Nothing to follow now.",
    longer: "A little longer",
    sign: "Come back slowly.",
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

  /** The heart answering the breath: its shape, and beside the person's own week. */
  answering: {
    away: "The heart shows here when the strap is back.",
    listening: "Listening to your heart.",
    unsuitable: "The heart cannot be read well just now. Keep breathing.",
    rises: "Your heart rises as you breathe in.",
    moves: "Your heart moves with your breath.",
    usual: "Your heart moves with your breath about as usual this week.",
    wider: "Your heart moves a little wider than usual this week.",
    quieter: "Your heart moves a little quieter than usual this week.",
  },

  /** What the voice says in a practice. */
  spoken: {
    begin: "Breathe in as the tone rises. Breathe out as it falls.",
    half: "Half of the time is left.",
    last: "About one minute is left.",
    free: "Now take three breaths of your own.",
    end: "This practice is over. Take your time.",
    away: "The strap is away. Keep breathing.",
    back: "The strap is back.",
    here: (left: string): string => `${left}. Tap again to finish.`,
    finish: "You can stop now. Take your time.",
  },

  closed: {
    title: "Eyes closed",
    lead: "You can close your eyes.",
    here: "Tap once to hear the time",
    again: "Tap again to finish",
    open: "Show the page",
  },

  settings: {
    title: "Settings",
    lead: "Each change is kept at once, on this device.",
    less: (what: string): string => `${what}: less`,
    more: (what: string): string => `${what}: more`,
    try: "Try it",
    tryOf: (what: string): string => `${what}: try it`,
    eyes: "Eyes closed",
    eyesClosed: "Practise with eyes closed",
    eyesLead: "Sound, voice and touch guide you. The page stays dark.",
    sound: "Sound and touch",
    tone: "Breathing tone",
    toneLead: "It rises as you breathe in. It falls as you breathe out.",
    heart: "Your heart as sound",
    heartLead: "A soft note for each beat, about two seconds late. It needs a strap.",
    voice: "Voice",
    voiceLead: "A few words: how to begin, the time, the end.",
    volumes: ["Off", "Very soft", "Soft", "Middle", "Loud", "Full"],
    vibrate: "Vibration",
    vibrateLead: "One pulse to breathe in. Two pulses to breathe out.",
    noSound: "This browser cannot play tones.",
    noVoice: "This browser has no voice. The practice works without it.",
    noVibrate: "This browser cannot vibrate. On an iPhone no browser can.",
    pacer: "The pacer",
    form: "How it looks",
    forms: {
      circle: "Circle",
      wave: "Wave",
      bar: "Bar",
      words: "Words",
      sound: "Only sound",
      vibration: "Only touch",
    },
    rate: "Pace",
    split: "In and out",
    splitWords: (breathIn: string, breathOut: string): string => `${breathIn} seconds in, ${breathOut} out`,
    rest: "Rest after breathing out",
    restWords: (seconds: string): string =>
      seconds === "0" ? "No rest" : seconds === "½" ? "½ second" : seconds === "1" ? "1 second" : `${seconds} seconds`,
    usual: "Back to the usual pace",
    ramp: "Begin at my own pace",
    rampLead: "The pacer starts near your own breath and slows down.",
    adaptive: "Let the pacer look for an easier pace",
    adaptiveLead: "It moves a little towards where your heart answers more. Nobody knows yet if that helps.",
    you: "How you practise",
    posture: "How you sit or lie",
    postures: { sitting: "Sitting", reclined: "Leaning back", lying: "Lying", standing: "Standing" },
    ask: "What you are asked",
    askCraving: "Ask about craving",
    askMood: "Ask about mood",
    pause: "Show “Pause first” on each page",
    place: "Language and place",
    language: "Language",
    asBrowser: "As my browser",
    country: "Country for help",
    noCountry: "Not chosen",
    moreTitle: "More",
    links: {
      path: "Eight weeks",
      history: "What I did",
      assess: "Find my pace",
      data: "My data",
      home: "Home",
    },
  },

  /** The guided practices: a line for the list, and the sentences of each phase. */
  scripts: {
    mindful_breathing: {
      title: "Mindful breathing",
      line: "Be with each breath as it comes.",
      phases: {
        arrive: [
          "Find a position that is kind to your body.",
          "Close your eyes, or look at one quiet spot.",
          "There is nothing you need to reach here.",
        ],
        breath: [
          "Notice where you feel your breath most clearly.",
          "It may be the nose, the chest or the belly.",
          "Follow one breath in, from its start to its end.",
          "Follow one breath out, all the way.",
        ],
        wander: [
          "Your mind will wander. That is what minds do.",
          "When you notice it, you are back already.",
          "Let the next breath be a soft place to land.",
          "If there is pain, let it be here. Breathe beside it.",
        ],
        close: ["Feel your whole body breathe for a moment.", "Take this with you as you go on."],
      },
    },
    body_scan: {
      title: "Body scan",
      line: "Visit your body, part by part.",
      phases: {
        arrive: [
          "Sit or lie so that you are held well.",
          "If this is too much, look at one thing in the room.",
          "You may stop or skip a part at any time.",
        ],
        feet: [
          "Bring your attention to your feet.",
          "Notice warm or cool, touch or tingling, or nothing much.",
          "Nothing has to change. Just notice.",
        ],
        legs: [
          "Let your attention move up through your legs.",
          "Feel where they rest, and what carries them.",
          "If a part hurts, you can stay at its edge.",
        ],
        back: [
          "Notice your back, from low to high.",
          "Feel the places that touch the chair or bed.",
          "Let your breath move there, if that feels good.",
        ],
        belly: [
          "Come to your belly and your chest.",
          "Feel them rise and fall by themselves.",
          "Let them be as soft as they are today.",
        ],
        hands: [
          "Notice your hands, finger by finger.",
          "Then your arms, up to your shoulders.",
          "See if one side feels different from the other.",
        ],
        face: ["Notice your jaw, your eyes, your forehead.", "They may rest for a while."],
        whole: [
          "Now sense your body as one whole.",
          "Some parts may hurt. Other parts may feel fine.",
          "All of it is here, and all of it breathes.",
        ],
      },
    },
    zoom: {
      title: "Zoom in, zoom out",
      line: "Look closely at a feeling, then widen.",
      phases: {
        arrive: [
          "Settle, and breathe as you like.",
          "You will look closely at a feeling, then widen out.",
          "Pick something mild first. You can leave it at any time.",
        ],
        find: [
          "Find one spot where you feel something clearly.",
          "Where is it, exactly?",
          "Is it deep inside, or near the skin?",
        ],
        edges: [
          "Look for its edges.",
          "Is it as large as a coin, a hand, or more?",
          "Do the edges stay, or do they move?",
        ],
        quality: [
          "What is it made of, if you look closely?",
          "Heat, pressure, pulling, tingling?",
          "Does it stay the same, or come and go?",
          "This is what it feels like. It is not all of you.",
        ],
        body: [
          "Now zoom out. Let the spot be one of many.",
          "Find a place that feels neutral or good.",
          "Rest there for as long as you like.",
        ],
        room: [
          "Widen more. Hear the sounds around you.",
          "Feel the space in front of you and behind you.",
          "There is room here for the feeling, and for more.",
        ],
        close: ["You went close, and you came back.", "Take one easy breath."],
      },
    },
    reappraisal: {
      title: "A kinder thought",
      line: "Meet a hard thought, and find a truer one.",
      phases: {
        arrive: [
          "Sit down with yourself, as with a good friend.",
          "You will look at one hard thought.",
          "Choose a small one if today is a hard day.",
        ],
        thought: [
          "Which thought comes with your pain?",
          "Perhaps: I am broken. Or: any pain means harm.",
          "Notice that it is a thought. You can see it.",
        ],
        look: [
          "What does this thought do in your body?",
          "Is it always so? Was there a time it was not?",
          "What would you say to a friend who thinks this?",
          "Pain can be real, and you can still be safe.",
        ],
        kinder: [
          "Find a sentence that is kinder and just as true.",
          "It may be: this hurts, and I am here.",
          "Let it be yours. Small is fine.",
        ],
        rest: [
          "Say your sentence to yourself as you breathe out.",
          "If you don't believe it yet, that is fine.",
          "It can wait beside you.",
        ],
      },
    },
    savoring: {
      title: "Savoring",
      line: "Take in something good, slowly.",
      phases: {
        arrive: [
          "Breathe, and let your eyes be soft.",
          "Pain may be here. Good things may be here too.",
          "You will look for one of them.",
        ],
        choose: [
          "Choose something you like: a photo, a cup, the sky.",
          "If nothing comes, the light in the room will do.",
        ],
        colours: [
          "Look at its colours, one by one.",
          "Where is it bright? Where is it dark?",
          "Find one detail you had not seen before.",
        ],
        touch: [
          "How would it feel in your hand?",
          "Smooth or rough, warm or cool?",
          "If you can, touch it for real.",
        ],
        scent: [
          "Is there a scent, or a sound?",
          "Let it come to you. You need not look for it.",
          "Stay with it for one slow breath.",
        ],
        feel: [
          "Notice what this does in you.",
          "There may be something warm, even a little.",
          "Let it spread as far as it likes.",
        ],
        keep: ["Take one thing of this with you.", "You can come back to it today."],
      },
    },
    movement: {
      title: "Gentle movement",
      line: "Small and slow, sitting or lying.",
      phases: {
        arrive: [
          "Sit or lie so that you feel safe.",
          "Move only as far as it feels all right.",
          "Leave out what does not suit you. Thinking it counts too.",
        ],
        hands: [
          "Open your hands as you breathe in.",
          "Let them close as you breathe out.",
          "Slow is good. So is small.",
        ],
        shoulders: [
          "Let your shoulders rise a little with the breath.",
          "Let them sink as the breath goes.",
          "Notice how they feel in the pause.",
        ],
        spine: [
          "Turn your head a little to one side, then back.",
          "Then to the other side. Only as far as is easy.",
          "Let your back grow long for one breath.",
        ],
        feet: [
          "Press your feet down a little, and let go.",
          "Lift your toes, or your heels, or neither.",
          "Feel that something carries you.",
        ],
        rest: ["Be still now. Notice what has changed, if anything.", "Thank your body, if you like."],
      },
    },
    compassion: {
      title: "Compassion",
      line: "Warm wishes, for you and for others.",
      phases: {
        arrive: ["Settle, and lay a hand where it feels good.", "Feel the warmth of it, if there is any."],
        self: [
          "This is a hard moment, or has been a hard day.",
          "Many people feel something like this right now.",
          "Wish yourself something good, in your own words.",
          "Perhaps: may I be safe. May I be kind to myself.",
        ],
        pain: [
          "Turn softly to the part that hurts.",
          "You need not like it. You can be kind to it.",
          "Breathe as if you sat beside a sick child.",
        ],
        someone: [
          "Think of someone who is easy to love.",
          "It may be a person, or an animal.",
          "Wish them well, with each breath out.",
        ],
        all: ["Let the wish go wider, to people you don't know.", "And let it come back to you."],
        close: ["Rest your hand where you like.", "Take one easy breath."],
      },
    },
  },

  script: {
    title: "The words of this practice",
    photo: {
      title: "Your photo",
      choose: "Choose a photo of yours",
      other: "Choose another photo",
      remove: "Remove it",
      note: "It stays on this device.",
      noRoom: "This browser could not keep the photo. It shows until you leave this page.",
      unreadable: "This browser cannot show that photo. Try another one, such as a JPEG.",
    },
    thought: {
      title: "Your sentence",
      examples: [
        "This hurts, and I am here.",
        "Hurt is not always harm.",
        "My body works hard for me.",
        "I can be in pain and still be whole.",
      ],
      own: "Or in your own words",
      note: "Keep it with this practice",
      noted: "Kept.",
      private: "It stays on this page, unless you keep it.",
    },
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
    /** On the strip that stops everything. */
    strip: "Dizzy? Stop here",
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
    finish: "I only wanted to finish",
    /** What home says for the rest of that day. */
    restDay: {
      title: "Today is for rest",
      lead: "You felt dizzy earlier today. Nothing needs to begin now.",
      lines: ["Breathe as you like.", "If it comes back, tell your doctor or nurse."],
      /** Opens what home shows on other days: the choice stays with the person. */
      open: "Show the practices",
    },
  },

  breathe: {
    title: "Breathe",
    lead: "Only the pace. No strap, and nothing is noted.",
    begin: "Begin",
    stop: "Stop",
    /** The last breaths are the person's own. */
    own: "Now a few breaths of your own.",
    doneTitle: "That was it",
    doneLead: "Stay as long as you like.",
    again: "Breathe again",
  },

  first: {
    title: "Whom to ask first",
    lead: "Slow breathing suits most people. Some need to ask first.",
    ask: "Ask your doctor or nurse first if you have",
    list: [
      "an uneven heartbeat, or a pacemaker",
      "had heart trouble not long ago",
      "severe lung trouble, or asthma that is bad just now",
      "a pregnancy",
      "seizures",
      "panic when you watch your breath",
      "times when nothing seems real, or voices in your head",
    ],
    numbers: "With an uneven heartbeat, the numbers here do not hold. Nor with a pacemaker.",
    now: "Call your emergency number",
    nowLines: ["Do so for new chest pain.", "Do so when it is newly hard to breathe."],
    asleep: "If you take opioids, or pills to calm down or sleep",
    asleepLines: ["Are you very sleepy? Then stop here.", "Do not practise alone that day."],
    uneasy: "If it makes you uneasy",
    uneasyLines: [
      "Being still can stir things up. That happens to many.",
      "You may stop at any time.",
      "You can keep your eyes open, or make it shorter.",
      "You can look at something near you and leave your breath be.",
    ],
    read: "I have read this",
    again: "This list stays here, under Help.",
  },

  /** Three ways on, when something was rated very high. */
  doors: {
    title: "That is a lot",
    lead: "Here are three doors, if you want one. You can also just go on.",
    ground: "One minute of looking around",
    groundLines: [
      "You can put the screen away for this.",
      "Name three things that you can see.",
      "Name three sounds, near or far.",
      "Name three things that touch your skin.",
      "Feel what holds you up. Let your breath come and go.",
    ],
    people: "Someone I know",
    call: (name: string): string => `Call ${name}`,
    kept: "The name and number stay on this device only.",
    who: "Name",
    number: "Phone number",
    save: "Save",
    remove: "Remove",
    badNumber: "Type the number in digits. It needs three or more.",
    noName: "Type a name as well.",
    line: "Crisis line",
    lineHint: "It opens Help.",
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
    /** Behind the points, for how strong the pain was: "2 points lower (29 %)". */
    withPct: (change: string, pct: number): string => `${change} (${pct} %)`,
    /** How large that is, as studies of many people call it. */
    bands: {
      higher: "",
      same: "",
      below_minimal: "A very small change, below the 30 % mark.",
      minimal: "A small change, below the 30 % mark.",
      below_30: "Below the 30 % mark.",
      moderate: "A moderate change, at or past the 30 % mark.",
      substantial: "A large change, at or past the 50 % mark.",
    } satisfies Record<Band, string>,
    mark: "In studies, many people felt 30 % less pain as a real change.",
    stillAnswer: "Answer the questions now",
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

  pause: {
    position: "Pause first",
    lead: "Three minutes of breath. Then any choice is fine.",
    breatheNow: "Go straight to the breath",
    breathe: "Breathe along",
    easy: "Small and easy breaths.",
    kind: "Pain, or craving?",
    kindHint: "Just notice. Both may be there.",
    kinds: { pain: "Pain", craving: "Craving", both: "Both", not_sure: "Not sure" },
    left: (minutes: number): string => (minutes <= 1 ? "Less than a minute left" : `About ${minutes} minutes left`),
    goOn: "Go on now",
    afterLead: "That was your breath. Two last questions.",
    skipAfter: "Skip these",
    choice: "What would you like to do now?",
    choiceLead: "Any choice is fine.",
    choices: {
      as_prescribed: "I take it as prescribed",
      wait: "I wait a little",
      something_else: "Something else",
      rather_not_say: "Rather not say",
    },
    endTitle: "Thank you for pausing",
    end: "Taking it as prescribed is okay. Pause, notice, then decide.",
    leave: "Leave",
    back: "Back to your practice",
  },

  diary: {
    noted: "Your answers are noted.",
    waits: "Your answers are kept in this browser until the service is back.",
    notDurable: "This browser cannot keep your answers. Leave this page open until they are sent.",
    refused: "The service could not take one note. It stays in this browser.",
  },

  /** The adaptive pacer, in words. */
  adapt: {
    on: "The pace may move a little on its own.",
    stronger: "Your heart answered a little more. The pace moves slowly that way.",
    trying: "The pace tries a small step to the side.",
    back: "Both were about alike. The pace goes back.",
  },

  plan: {
    title: "Plans",
    lead: "A plan leads you step by step. You can stop at any time.",
    arms: "There is more than one way. You get one of them.",
    of: (n: number, all: number): string => `Step ${n} of ${all}`,
    group: (label: string): string => `group ${label}`,
    goOn: "Next step",
    done: "Done",
    pause: "Pause",
    resume: "Go on",
    paused: "Paused. Take the time you need.",
    end: "End here",
    open: "Begin",
    asking: { before: "Before you begin", during: "For now", after: "Before you go" },
    baseline: {
      title: "Breathe as you like",
      lines: ["There is nothing to follow. Sit still and let the time pass."],
    },
    rest: {
      title: "Rest",
      lines: ["There is nothing to do. Let your breath come and go by itself."],
    },
    recovery: {
      title: "Let it be",
      lines: ["The pacing is over. Breathe as you like for a while."],
    },
    eyes: { open: "Keep your eyes open.", closed: "Close your eyes, if you like." },
    note: "A few words, if you like",
    noteLead: "You can leave this empty.",
    resonance: "Find your pace",
    resonanceLead: "This opens on a page of its own. Come back here when it is done.",
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

  history: {
    title: "What I did",
    lead: "Your last eight weeks. Days of rest are simply not listed.",
    empty: "Nothing is here yet. Your practices will be listed here.",
    days: "Day by day",
    breathing: "Breathing",
    other: "Practice",
    row: (what: string, about: string): string => `${what}, ${about}`,
    earlier: "Show earlier days",
    pauses: (n: number): string => (n === 1 ? "1 pause." : `${n} pauses.`),
    noted: "You noted something.",
    assessed: "You looked at which pace suits you.",
    dizzy: "You stopped because you felt dizzy.",
    simulated: "simulated",
    data: "My data",
    before: "Before practice",
    after: "After practice",
    thisWeek: "this week",
    emptyWeeks: "Weeks without answers stay empty.",
    band: "The shade shows how unsure it is.",
    caveat: "Pain comes and goes by itself. This cannot say why.",
    more: "More pictures",
    gap: {
      title: "How the gap moved",
      what: "The gap is how unpleasant pain was beside how strong it was.",
      up: "more unpleasant than strong",
      zero: "as unpleasant as strong",
      down: "less unpleasant than strong",
      none: "Rate your pain before and after practice, and it shows here.",
      lower: (n: number): string => `After practice, pain was about ${n} ${points(n)} less unpleasant beside its strength.`,
      higher: (n: number): string => `After practice, pain was about ${n} ${points(n)} more unpleasant beside its strength.`,
      same: "Before and after practice, the gap was about the same.",
      few: "Few answers so far, so this may change.",
      unsure: "It went up and down, so this is not sure.",
    },
    pain: {
      strong: "How strong pain was",
      unpleasant: "How unpleasant pain was",
      latest: (before: string, after: string): string =>
        `In the last week with answers: about ${before} before, about ${after} after.`,
      unknown: "not known",
    },
    pull: {
      title: "The pull to take something",
      pull: "How strong it was",
      choice: "How much you could choose",
      latest: (pull: string, choice: string): string =>
        `In the last week with notes: pull about ${pull}, choice about ${choice}.`,
      pauses: "More pauses are neither good nor bad.",
    },
    week: {
      title: "Pain in daily life",
      line: "Mean of three weekly questions",
      latest: (value: string): string => `In the last week you told of, it was about ${value} of 10.`,
    },
  },

  path: {
    title: "Eight weeks",
    lead: "A path you can follow, or not. Any order is fine.",
    which: "Where would you like to look?",
    week: (n: number): string => `Week ${n}`,
    about: (minutes: number): string => (minutes < 10 ? `${minutes} minutes` : `About ${minutes} minutes`),
    ideas: "You could try",
    anyTime: "Take a week twice, or leave it out. It all stays here.",
    /** One for each week: a short name, what it is about, and a word for each idea. */
    weeks: [
      {
        name: "Breath",
        title: "Keep your breath company",
        lines: ["Your breath is always with you.", "This week you keep it company now and then."],
        ideas: ["A short one, at a quiet time.", "A longer one, when you have room.", "Just the pace, with no words."],
      },
      {
        name: "Body",
        title: "Visit the whole body",
        lines: ["Pain can fill the whole picture.", "Here you visit the rest of your body too."],
        ideas: ["A quick visit, from feet to face.", "A slow visit, lying down if you like."],
      },
      {
        name: "Zoom",
        title: "Look close, then wide",
        lines: ["Look closely at a feeling: where it is, and how.", "Then let your view grow wide."],
        ideas: ["Begin with something mild.", "With more time for the wide view.", "Before it, some quiet breaths."],
      },
      {
        name: "Thoughts",
        title: "A kinder thought",
        lines: ["Hard thoughts come with pain.", "You can look at one, and find a truer one."],
        ideas: ["With one small thought.", "With more time to look.", "Breathe first, if the day is hard."],
      },
      {
        name: "Good things",
        title: "Take in something good",
        lines: ["Good moments are easy to miss when it hurts.", "This week you take one in slowly."],
        ideas: ["With a cup, a plant, or the sky.", "With a photo that you like."],
      },
      {
        name: "Movement",
        title: "Small moves, and warmth",
        lines: ["Small, slow moves, as far as they feel all right.", "And some warmth for a body that works hard."],
        ideas: ["Move a little with your breath.", "A kind wish, for you and for others.", "The same, with more time."],
      },
      {
        name: "Urges",
        title: "Meet an urge",
        lines: ["An urge comes, grows, and often fades by itself.", "You can pause and look: is it pain, or craving?"],
        ideas: ["Try the pause once when all is calm.", "Look closely at the urge itself.", "Or just breathe beside it."],
      },
      {
        name: "Your own",
        title: "Keep it yours",
        lines: ["Which of these did you like?", "Keep what suits you, at a time of your own."],
        ideas: ["What you did last, once more.", "The one that feels warmest.", "See what you did so far."],
      },
    ],
    pause: "The pause",
    seeHistory: "What I did",
  },

  week: {
    title: "This week",
    position: "Your week",
    lead: "Your last seven days. Skip what you like.",
    questions: weekQuestions,
    skipAll: "Skip the questions",
    medicine: "Did you take any medicine this week?",
    medicineLead: "Write what you took, if you want to keep it in mind.",
    medicineLabel: "What I took",
    keep: "Keep it",
    endTitle: "Noted",
    endLead: "It is shown under “What I did”.",
    endNothing: "Nothing noted",
    fine: "That is fine.",
    history: "What I did",
  },

  data: {
    title: "My data",
    kept: [
      "All of it is kept on the computer that runs this service.",
      "Each practice is a file with your heartbeats and your answers.",
      "A small list beside them holds your notes and your weeks.",
      "This browser keeps how you like to practise, and photos you chose.",
      "Nothing is sent to anyone else.",
    ],
    take: "Take it along",
    takeWhat: "One file with all of it, and a page that explains each part.",
    download: "Download everything",
    erase: "Erase it",
    eraseWhat: "Every practice, answer and note can go for ever.",
    eraseAll: "Erase everything",
    sure: "Erase everything?",
    stays: [
      "It cannot be brought back. Download it first if you may want it.",
      "What stays is the date of today, and nothing of who you are.",
      "Files you have downloaded stay where they are.",
      "Old backups of this computer may still hold it.",
    ],
    tick: "Yes, I want all of it gone.",
    keep: "Keep everything",
    eraseNow: "Erase it for ever",
    erasing: "Erasing. This may take a moment.",
    live: "A practice or a replay still goes on. End it before you erase.",
    end: "End it now",
    ended: "It has ended. Now you can erase.",
    saving: "A practice is just being saved. Try again in a minute.",
    gone: "All of it is erased",
    goneLines: [
      "Only the date is left, and nothing of who you are.",
      "You are signed out. You can close this page.",
      "To begin anew, start it again and open the new link.",
    ],
    browserLeft: "This browser still holds a part. Close all its pages of this service.",
  },

  crisis: {
    title: "Help",
    close: "Close",
    watching: "Nobody is watching this in real time.",
    now: "In danger now, or thinking of ending your life",
    emergency: (call: string): string => `Emergency: call ${call}`,
    /**
     * By country: the emergency number, and who listens day and night. `call` is what
     * is dialled, and stands in the words as well. Sources: `docs/safety-words.md`.
     */
    countries: {
      US: {
        name: "United States",
        emergency: "911",
        lines: [
          { what: "988 Lifeline: call or text 988", call: "988" },
          { what: "Veterans: call 988, then press 1", call: "988" },
          { what: "Finding care for substance use: 1-800-662-4357", call: "18006624357" },
        ],
      },
      CA: {
        name: "Canada",
        emergency: "911",
        lines: [{ what: "Crisis Helpline: call or text 988", call: "988" }],
      },
      GB: {
        name: "United Kingdom",
        emergency: "999",
        lines: [{ what: "Samaritans: call 116 123", call: "116123" }],
      },
      IE: {
        name: "Ireland",
        emergency: "112",
        lines: [{ what: "Samaritans: call 116 123", call: "116123" }],
      },
      AU: {
        name: "Australia",
        emergency: "000",
        lines: [{ what: "Lifeline: call 13 11 14", call: "131114" }],
      },
      NZ: {
        name: "New Zealand",
        emergency: "111",
        lines: [{ what: "Need to talk? Call or text 1737", call: "1737" }],
      },
      DE: {
        name: "Germany",
        emergency: "112",
        lines: [{ what: "TelefonSeelsorge: call 0800 111 0 111", call: "08001110111" }],
      },
      AT: {
        name: "Austria",
        emergency: "112",
        lines: [{ what: "TelefonSeelsorge: call 142", call: "142" }],
      },
      CH: {
        name: "Switzerland",
        emergency: "112",
        lines: [{ what: "Die Dargebotene Hand: call 143", call: "143" }],
      },
      FR: {
        name: "France",
        emergency: "112",
        lines: [{ what: "Suicide prevention: call 3114", call: "3114" }],
      },
      IN: {
        name: "India",
        emergency: "112",
        lines: [{ what: "Tele-MANAS: call 14416", call: "14416" }],
      },
      EU: { name: "European Union", emergency: "112", lines: [] },
    },
    others: "Other countries",
    elsewhere: "Anywhere else, call your local emergency number.",
    breath: "Dizzy, tingling or short of breath",
    breathLines: [
      "Stop the pacing. Breathe as you like.",
      "Breathe smaller, not deeper. Sit down.",
      "If your chest hurts or breathing is hard, call an emergency number.",
    ],
    asleep: "Very sleepy, or hard to stay awake",
    asleepLines: ["Stop here. Do not practise alone.", "If you cannot stay awake, call an emergency number."],
    overdose: "Signs of an opioid overdose",
    overdoseSigns: [
      "cannot be woken",
      "slow breath, or none",
      "a choking or gurgling sound",
      "blue or grey lips or nails",
      "very small pupils",
    ],
    overdoseLines: [
      "Call an emergency number at once.",
      "Give naloxone, if it is there.",
      "Lay the person on their side, and stay.",
    ],
    what: "What this is",
    about: "A practice and self-observation tool. It is not a medical device.",
    aboutMore: "It does not diagnose, treat or monitor. It is not for emergencies.",
    medicine: "Talk to your prescriber before changing any medicine.",
    private: "Opening this page is not recorded.",
  },
};

/** All words of this language. Every other one has the same keys. */
export const en = {
  code: "en",
  /** How dates and numbers are written. */
  locale: "en-GB",
  copy,
  questions,
  phaseWords,
  linkWords,
  stepWords,
  againWords,
  serviceWords,
};

function points(n: number): string {
  return n === 1 ? "point" : "points";
}
