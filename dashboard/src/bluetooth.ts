/**
 * The small part of Web Bluetooth that is used here (TypeScript's own library has none
 * of it), and whether this browser has it.
 */

export interface Characteristic extends EventTarget {
  readonly value?: DataView | undefined;
  readValue(): Promise<DataView>;
  startNotifications(): Promise<unknown>;
  stopNotifications(): Promise<unknown>;
}

export interface Service {
  getCharacteristic(name: string): Promise<Characteristic>;
}

export interface Server {
  readonly connected: boolean;
  connect(): Promise<Server>;
  disconnect(): void;
  getPrimaryService(name: string): Promise<Service>;
}

export interface Device extends EventTarget {
  /** Made up by the browser for this site: it says nothing of the strap. */
  readonly id: string;
  readonly name?: string | undefined;
  readonly gatt?: Server | undefined;
}

export interface Bluetooth {
  requestDevice(options: {
    filters: readonly { services: readonly string[] }[];
    optionalServices: readonly string[];
  }): Promise<Device>;
  getAvailability?(): Promise<boolean>;
}

/** This browser's Bluetooth, or null: most have none, and none has it without https. */
export function bluetooth(): Bluetooth | null {
  const found = (navigator as { bluetooth?: Partial<Bluetooth> }).bluetooth;
  return isSecureContext && typeof found?.requestDevice === "function" ? (found as Bluetooth) : null;
}

/** Why no strap was chosen, as far as a person can do something about it. */
export type ChoiceTrouble = "off" | "refused" | "failed";

/** What a refusal by the browser means; null when the person just closed its list. */
export function choiceTrouble(problem: unknown): ChoiceTrouble | null {
  switch ((problem as { name?: unknown } | null)?.name) {
    case "NotFoundError": // "User cancelled the requestDevice() chooser"
    case "AbortError":
      return null;
    case "SecurityError":
    case "NotAllowedError":
      return "refused";
    default:
      return "failed";
  }
}
