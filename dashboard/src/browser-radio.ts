/**
 * This browser as a radio: the person chooses a strap in the browser's own list, and
 * for one session what that strap sends goes up to the service as it came.
 */

import { bluetooth, type ChoiceTrouble, choiceTrouble, type Device } from "./bluetooth.ts";
import type { BrowserStrap } from "./browser-strap.ts";
import { copy } from "./copy.ts";
import type { Strap } from "./protocol.ts";
import type { RadioLink } from "./radio-link.ts";

const KEY = "biofeedback.radio";

/** Few need what speaks to a strap from here: it comes with the first choice. */
async function load() {
  const [{ BrowserStrap }, { RadioLink }] = await Promise.all([
    import("./browser-strap.ts"),
    import("./radio-link.ts"),
  ]);
  return { BrowserStrap, RadioLink };
}

export type Choice = { readonly strap: Strap } | { readonly trouble: ChoiceTrouble } | null;

class BrowserRadio extends EventTarget {
  #parts: Awaited<ReturnType<typeof load>> | null = null;
  #device: Device | null = null;
  #session: string | null = null;
  #strap: BrowserStrap | null = null;
  #link: RadioLink | null = null;

  /** Whether this browser can be a radio at all. */
  get possible(): boolean {
    return bluetooth() !== null;
  }

  /** Lets the person choose a strap; null when they rather did not. Needs their tap. */
  async choose(): Promise<Choice> {
    const radio = bluetooth();
    if (!radio) return { trouble: "failed" };
    try {
      this.#device = await radio.requestDevice({
        filters: [{ services: ["heart_rate"] }],
        optionalServices: ["battery_service", "device_information"],
      });
    } catch (problem) {
      const trouble = choiceTrouble(problem);
      if (trouble) return { trouble };
      // Without an adapter the list cannot open either, and the name is the same.
      return (await radio.getAvailability?.().catch(() => true)) === false ? { trouble: "off" } : null;
    }
    try {
      this.#parts ??= await load();
    } catch {
      return { trouble: "failed" }; // the service went just then
    }
    const { id, name } = this.#device;
    return {
      strap: {
        id: `browser:${id}`,
        name: name ?? copy.start.known,
        address: "",
        rssi_dbm: null,
        profile: "heart_rate",
        simulated: false,
        hint: null,
      },
    };
  }

  /** Is the radio of this session from now on, until it ends. */
  begin(session: string): void {
    if (!this.#device || !this.#parts) return;
    this.#end();
    const { BrowserStrap, RadioLink } = this.#parts;
    const link = new RadioLink(session, () => this.#end());
    this.#link = link;
    this.#strap = new BrowserStrap(this.#device, {
      link: (told) => link.told(told),
      notification: (from, data, atMs) => link.heard(from, data, atMs),
    });
    this.#session = session;
    remember(session);
    this.#changed();
  }

  /** Whether this tab was the radio of `session` and was loaded anew: it must be asked. */
  waitsFor(session: string): boolean {
    return this.possible && this.#session !== session && remembered() === session;
  }

  #end(): void {
    this.#strap?.stop();
    this.#link?.close();
    this.#strap = this.#link = this.#session = null;
    this.#changed();
  }

  #changed(): void {
    this.dispatchEvent(new Event("change"));
  }
}

export const browserRadio = new BrowserRadio();

function remember(session: string): void {
  try {
    sessionStorage.setItem(KEY, session);
  } catch {
    // Storage is switched off: after a reload the strap has to be chosen at home.
  }
}

function remembered(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
