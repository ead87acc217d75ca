/**
 * The one way to the loudspeaker. Browsers let a page sound, speak and vibrate only
 * after a tap or a key; a practice that was begun by a link waits for the first one.
 */

let context: AudioContext | null = null;

export const canSound = typeof AudioContext !== "undefined";

const gestures = ["pointerup", "keydown", "touchend"] as const;

/** Whether this page was tapped or typed in; where the browser does not tell, it tries. */
export function allowed(): boolean {
  return navigator.userActivation?.hasBeenActive ?? true;
}

/** Acts now, and again at each gesture while it was not allowed; returns how to end that. */
export function whenAllowed(act: () => void): () => void {
  const end = (): void => {
    for (const name of gestures) document.removeEventListener(name, heard);
  };
  const heard = (): void => {
    if (!allowed()) return;
    end();
    act();
  };
  if (!allowed()) for (const name of gestures) document.addEventListener(name, heard);
  act();
  return end;
}

/** The page's audio context, awake or waking; null while it may not be, or where there is none. */
export function output(): AudioContext | null {
  if (!canSound || !allowed()) return null;
  if (!context) {
    // On an iPhone this makes it sound although the switch on its side says silent.
    const session = (navigator as { audioSession?: { type: string } }).audioSession;
    if (session) session.type = "playback";
    context = new AudioContext({ latencyHint: "interactive" });
    // A call or another app may take the loudspeaker: the next gesture asks for it again.
    for (const name of gestures) document.addEventListener(name, wake);
  }
  resting = false;
  wake();
  return context;
}

let resting = true;

function wake(): void {
  if (!context || resting || context.state === "running") return;
  void context.resume().catch(() => undefined);
}

/** Lets the sound card rest while nothing is to be heard. */
export function rest(): void {
  resting = true;
  if (context?.state === "running") void context.suspend().catch(() => undefined);
}
