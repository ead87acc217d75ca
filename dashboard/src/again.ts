/** How long to wait before a lost connection is tried again. */

const BACKOFF_MS = [300, 700, 1500, 3000, 5000] as const;

/**
 * Returns how many ms to wait after so many tries that led to nothing. Not the same for
 * everybody: when a node ends, all its pages lose it in one moment.
 */
export function pause(tries: number): number {
  const usually = BACKOFF_MS[Math.min(tries, BACKOFF_MS.length - 1)] ?? 0;
  return usually * (0.5 + Math.random());
}
