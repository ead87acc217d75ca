/** Names that sort by time: ten characters of milliseconds, sixteen of chance (ULID). */

/** Crockford's base 32, without the letters one could misread. */
const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

let lastMs = -1;
let last: readonly number[] = [];

/** A new name. Within one millisecond each is one higher than the one before. */
export function newUlid(nowMs = Date.now()): string {
  if (nowMs === lastMs) last = next(last);
  else last = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte % 32);
  lastMs = nowMs;
  let time = "";
  for (let rest = nowMs, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = LETTERS[rest % 32] + time;
  return time + last.map((digit) => LETTERS[digit]).join("");
}

function next(digits: readonly number[]): readonly number[] {
  const up = [...digits];
  for (let i = up.length - 1; i >= 0; i--) {
    const digit = up[i] ?? 0;
    up[i] = (digit + 1) % 32;
    if (digit < 31) break;
  }
  return up;
}
