import assert from "node:assert/strict";
import { test } from "node:test";
import type { Words } from "../src/copy.ts";
import { de } from "../src/languages/de.ts";
import { en } from "../src/languages/en.ts";
import { de as laterDe } from "../src/languages/later/de.ts";
import { en as laterEn } from "../src/languages/later/en.ts";
import { type Code, faults, forbidden, grade, HARDEST, sentencesIn, telephoneNumbers, texts } from "./lint.ts";

/** All that a person can read, those words too that come later. */
type All = Words & { readonly later: typeof laterEn };
const languages: Readonly<Record<Code, All>> = {
  en: { ...en, later: laterEn },
  de: { ...de, later: laterDe },
};
const each = Object.entries(languages) as [Code, All][];

/** What only the computer reads. */
const DATA = /^\/(code|locale)$|\/type$|^\/copy\/crisis\/countries\/.*\/(call|emergency)$/;

function patientTexts(words: All): [string, string][] {
  return texts(words).filter(([path, text]) => !DATA.test(path) && text !== "");
}

test("every sentence for a person is short, calm and plain, in every language", () => {
  for (const [code, words] of each) {
    const all = patientTexts(words);
    assert.ok(all.length > 900, code);
    const found = all.flatMap(([path, text]) =>
      sentencesIn(text).flatMap((one) => faults(one, code, path).map((fault) => `${code}${path}: ${fault}: ${one}`)),
    );
    assert.deepEqual(found, []);
  }
});

test("what is let through stands word for word at its place, for a reason", () => {
  for (const [code, words] of each) {
    const there = patientTexts(words);
    for (const { at, sentence, why } of forbidden[code].allowed) {
      assert.ok(there.some(([path, text]) => path === at && sentencesIn(text).includes(sentence)), `${code}${at}: ${sentence}`);
      assert.ok(why.length > 10, at);
    }
  }
  const { at, sentence } = forbidden.en.allowed[0]!;
  assert.deepEqual(faults(sentence, "en", at), []);
  assert.notDeepEqual(faults(sentence, "en", "/copy/start/lead"), []);
});

test("a sixth grader can read each part of it, in every language", () => {
  for (const [code, words] of each) {
    for (const [name, part] of [...Object.entries(words.copy), ...Object.entries(words.later)]) {
      const once = [...new Map(texts(part)).values()]; // a function counts as one text
      const whole = once.flatMap(sentencesIn).filter((one) => /[.?]$/.test(one));
      if (whole.length < 5) continue; // too small a sample to be graded
      const year = grade(whole, code);
      assert.ok(year <= HARDEST, `${code} ${name}: grade ${year.toFixed(1)}`);
    }
  }
});

test("a number to call stands in the table of countries and nowhere else", () => {
  for (const [code, words] of each) {
    for (const [path, text] of patientTexts(words)) {
      if (path.startsWith("/copy/crisis/countries/")) continue;
      assert.deepEqual(telephoneNumbers(text), [], `${code}${path}: ${text}`);
    }
    for (const [country, { emergency, lines }] of Object.entries(words.copy.crisis.countries)) {
      assert.match(emergency, /^\d{3}$/, country);
      for (const { what, call } of lines) assert.deepEqual(telephoneNumbers(what).includes(call), true, what);
    }
  }
});

/** Planted: none of these may pass. */
const bad: Readonly<Record<Code, Readonly<Record<string, readonly string[]>>>> = {
  en: {
    "dose language": [
      "You could skip your next pill.",
      "Breathe instead of your medication.",
      "That makes 90 MME a day.",
      "Take 5 mg less.",
      "Ask to taper your opioids.",
      "Seven days without opioids.",
    ],
    "a word about people": ["Addicts find this hard.", "This looks like drug-seeking."],
    "a claim": ["This heals pain.", "Slow breath lowers your blood pressure.", "It is proven to work.", "It treats pain.", "It prevents pain."],
    "a finding about the rhythm": ["You may have an arrhythmia.", "This looks like AFib."],
    "a score": ["Keep your streak.", "Three days in a row.", "Goal reached."],
    praise: ["Well done.", "That was a perfect breath."],
    blame: ["You failed to follow.", "You forgot to breathe.", "Your breath is too fast.", "That should have been slower."],
    battle: ["Fight the pain.", "Beat your craving.", "Overcome it."],
    "a number without ground": ["Your stress is high.", "Your LF/HF fell."],
    "an exclamation mark": ["Breathe!"],
    "16 words": ["Now you can sit or lie or stand in the way that you like the best."],
    grade: ["Physiological variability indicates parasympathetic activation during respiratory synchronisation."],
  },
  de: {
    "dose language": [
      "Halbieren Sie die Tablette.",
      "Setzen Sie Ihre Medikamente ab.",
      "Nehmen Sie 5 mg.",
      "Die Dosis ist hoch.",
      "Nehmen Sie weniger Tabletten.",
    ],
    "a word about people": ["Süchtige kennen das.", "Das ist ein Rückfall."],
    "a claim": ["Das heilt den Schmerz.", "Es lindert Schmerzen.", "Das beugt Schmerzen vor."],
    "a finding about the rhythm": ["Sie haben eine Arrhythmie.", "Das kann Vorhofflimmern sein."],
    "a score": ["Ihre Punktzahl steigt.", "Drei Tage in Folge.", "Ziel erreicht."],
    praise: ["Gut gemacht.", "Das war perfekt."],
    blame: ["Sie haben versagt.", "Sie müssen ruhiger atmen.", "Ihr Atem ist zu schnell."],
    battle: ["Kämpfen Sie gegen den Schmerz.", "Überwinden Sie es."],
    "a number without ground": ["Ihr Stress ist hoch."],
    "an exclamation mark": ["Atmen!"],
    "16 words": ["Jetzt können Sie so sitzen oder liegen oder stehen, wie Sie es am liebsten gerade haben."],
    grade: ["Physiologische Variabilitätsmessungen verdeutlichen parasympathische Aktivierungsvorgänge während kontrollierter Atmungssynchronisation überzeugend."],
  },
};

test("the lint bites: a planted sentence of each kind is found", () => {
  for (const [code, kinds] of Object.entries(bad) as [Code, (typeof bad)[Code]][]) {
    for (const kind of Object.keys(forbidden[code].patterns)) assert.ok(kinds[kind], `${code}: none for ${kind}`);
    for (const [kind, sentences] of Object.entries(kinds)) {
      for (const one of sentences) {
        assert.ok(faults(one, code).some((fault) => fault.startsWith(kind)), `${code} ${kind}: ${one}`);
      }
    }
  }
  assert.deepEqual(telephoneNumbers("Call 988 or 1-800-662-4357."), ["988", "18006624357"]);
});

test("what a plain sentence may say is let through", () => {
  for (const one of ["Taking it as prescribed is okay.", "Pause, notice, then decide.", "Your heartbeat is uneven."]) {
    assert.deepEqual(faults(one, "en"), []);
  }
  assert.deepEqual(faults("Sie müssen ihn nicht mögen.", "de"), []);
});
