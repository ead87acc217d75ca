/** Whether the person asked their system for less motion; follows a change. */

const query = window.matchMedia("(prefers-reduced-motion: reduce)");

export function stillness(): boolean {
  return query.matches;
}

/** Runs `draw` once a frame at most `perSecond` times, until told to end. */
export function frames(draw: (nowMs: number) => void, perSecond: () => number): () => void {
  let drawn = -Infinity;
  let handle = 0;
  const frame = (nowMs: number): void => {
    handle = requestAnimationFrame(frame);
    if (nowMs - drawn < 1000 / perSecond() - 4) return;
    drawn = nowMs;
    draw(nowMs);
  };
  handle = requestAnimationFrame(frame);
  return () => cancelAnimationFrame(handle);
}

/** Calls `measure` now, and whenever `place` has another size or the colours changed. */
export function whenResized(place: Element, measure: () => void): () => void {
  const observer = new ResizeObserver(measure);
  observer.observe(place);
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", measure);
  measure();
  return () => {
    observer.disconnect();
    scheme.removeEventListener("change", measure);
  };
}
