/** Keeps the screen on during a practice, where the browser can. */

export class WakeLock {
  #lock: WakeLockSentinel | null = null;
  #held = false;

  hold(): void {
    this.#held = true;
    document.addEventListener("visibilitychange", this.#ask);
    void this.#ask();
  }

  release(): void {
    this.#held = false;
    document.removeEventListener("visibilitychange", this.#ask);
    void this.#lock?.release();
    this.#lock = null;
  }

  // The browser takes the lock away when the page is hidden: ask again on return.
  readonly #ask = async (): Promise<void> => {
    if (!("wakeLock" in navigator) || document.visibilityState !== "visible") return;
    try {
      const lock = await navigator.wakeLock.request("screen");
      if (this.#held) this.#lock = lock;
      else await lock.release();
    } catch {
      // Refused (low battery, policy): the practice goes on without it.
    }
  };
}
