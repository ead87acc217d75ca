/** The one thing this page remembers: how long the person chose to breathe. */

const KEY = "biofeedback.minutes";
export const lengths = [3, 10, 20] as const;

export function rememberedMinutes(): number {
  try {
    const kept = Number(localStorage.getItem(KEY));
    return lengths.find((minutes) => minutes === kept) ?? lengths[0];
  } catch {
    return lengths[0]; // storage is switched off: nothing is lost but this choice
  }
}

export function rememberMinutes(minutes: number): void {
  try {
    localStorage.setItem(KEY, String(minutes));
  } catch {
    // as above
  }
}
