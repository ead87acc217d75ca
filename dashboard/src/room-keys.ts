/**
 * One key marks a moment. Each can be given another letter, and all can be switched off
 * (WCAG 2.1.4): a letter that is dictated or slipped on must not mark anything.
 */

export const marks = [
  "posture_change",
  "talking",
  "cough",
  "tearful",
  "movement",
  "zoom_in",
  "savoring",
  "mark",
] as const;
export type Mark = (typeof marks)[number];

export interface Keys {
  readonly on: boolean;
  readonly of: Readonly<Record<Mark, string>>;
}

export const usualKeys: Keys = {
  on: true,
  of: {
    posture_change: "p",
    talking: "t",
    cough: "c",
    tearful: "e",
    movement: "m",
    zoom_in: "z",
    savoring: "s",
    mark: " ",
  },
};

const KEPT = "biofeedback.room-keys";

/** Which mark a key makes; none while they are off. */
export function markOf(key: string, keys: Keys): Mark | null {
  if (!keys.on) return null;
  return marks.find((mark) => keys.of[mark] === key.toLowerCase()) ?? null;
}

/** Gives a mark another key; whoever had that one gets the old one, so none is lost. */
export function rebound(keys: Keys, mark: Mark, key: string): Keys {
  const wanted = key.toLowerCase();
  if (!usable(wanted)) return keys;
  const other = marks.find((one) => keys.of[one] === wanted);
  const swapped = other ? { [other]: keys.of[mark] } : {};
  return { ...keys, of: { ...keys.of, ...swapped, [mark]: wanted } };
}

/** A letter, a digit or the space bar; "?" is the help. */
export function usable(key: string): boolean {
  return /^[\p{Letter}\p{Number} ]$/u.test(key);
}

/** Whether a key that is pressed there is written, or operates what has the focus. */
export function isField(target: Element | null): boolean {
  return target?.closest("input, textarea, select, [contenteditable]") != null;
}

/** What was kept, where it still fits. */
export function kept(text: string | null): Keys {
  try {
    const known = JSON.parse(text ?? "null") as Partial<Keys> | null;
    const of = { ...usualKeys.of, ...known?.of };
    const fits = marks.every((mark) => usable(of[mark])) && new Set(marks.map((mark) => of[mark])).size === marks.length;
    return { on: known?.on !== false, of: fits ? of : usualKeys.of };
  } catch {
    return usualKeys;
  }
}

export function readKeys(): Keys {
  try {
    return kept(localStorage.getItem(KEPT));
  } catch {
    return usualKeys;
  }
}

export function writeKeys(keys: Keys): void {
  try {
    localStorage.setItem(KEPT, JSON.stringify(keys));
  } catch {
    // A browser that keeps nothing has the usual keys again next time.
  }
}
