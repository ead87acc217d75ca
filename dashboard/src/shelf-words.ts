/** Times of recordings in words. Pure. */

/** "2026-11-26 10:57" on this computer's clock: sorts as it reads. */
export function startedWords(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** "2:30" or "1:02:30" */
export function lengthWords(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** The same with as many decimals as a step of so many seconds needs. */
export function instantWords(seconds: number, stepS: number): string {
  const digits = stepS >= 1 ? 0 : stepS >= 0.1 ? 1 : 2;
  const sign = seconds < 0 ? "−" : "";
  const size = Math.abs(seconds);
  const factor = 10 ** digits;
  const ticks = Math.round(size * factor);
  const whole = Math.floor(ticks / factor);
  const rest = digits > 0 ? `.${String(ticks % factor).padStart(digits, "0")}` : "";
  return `${sign}${lengthWords(whole)}${rest}`;
}
