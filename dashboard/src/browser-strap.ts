/**
 * One strap over this browser's Bluetooth: found again whenever it is lost, for as long
 * as it is wanted. What it sends is handed on as bytes; nothing is read from them here.
 */

import type { Characteristic, Device, Server } from "./bluetooth.ts";
import type { LinkStateName, Reason, Step } from "./protocol.ts";

/** What the strap says of itself; its serial number is not asked for. */
export interface Introduction {
  readonly name: string;
  readonly model: string | null;
  readonly manufacturer: string | null;
  readonly firmware: string | null;
}

export interface LinkTold {
  readonly state: LinkStateName;
  readonly step: Step;
  readonly reason: Reason | null;
  readonly strap: Introduction;
}

export type Sender = "heart_rate_measurement" | "battery_level";

export interface StrapHandlers {
  link(told: LinkTold): void;
  /** `atMs` is when the browser got it, on the clock of `performance.now()`. */
  notification(from: Sender, data: Uint8Array, atMs: number): void;
}

export interface Timing {
  readonly connectMs: number;
  readonly introduceMs: number;
  readonly subscribeMs: number;
  readonly silenceMs: number;
  /** Waits between two tries: the last one repeats. */
  readonly backoffMs: readonly number[];
  /** Streaming for so long makes the next wait short again. */
  readonly steadyMs: number;
}

export const usualTiming: Timing = {
  connectMs: 20_000,
  introduceMs: 6_000,
  subscribeMs: 10_000,
  silenceMs: 5_000,
  backoffMs: [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000],
  steadyMs: 30_000,
};

export class LinkTrouble extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(reason);
    this.reason = reason;
  }
}

/** What a failure means, from the names that Web Bluetooth gives (§5 of its draft). */
export function reasonOf(problem: unknown, step: Step): Reason {
  if (problem instanceof LinkTrouble) return problem.reason;
  switch ((problem as { name?: unknown } | null)?.name) {
    case "NotFoundError":
      return step === "connecting" ? "not_found" : "no_heart_rate";
    case "SecurityError":
    case "NotAllowedError":
      return "permission";
    case "NetworkError":
      return step === "connecting" ? "timeout" : "link_lost";
    case "InvalidStateError":
    case "AbortError":
      return "link_lost";
    default:
      return "internal";
  }
}

/** How long to wait before try `n` (from 0): jittered, so that two never run in step. */
export function backoffMs(n: number, waits: readonly number[], chance = Math.random()): number {
  const most = waits[Math.min(n, waits.length - 1)] ?? 0;
  return most * (0.5 + 0.5 * chance);
}

export class BrowserStrap {
  readonly #device: Device;
  readonly #on: StrapHandlers;
  readonly #timing: Timing;
  #strap: Introduction;
  #step: Step = "idle";
  #streamed = false;
  #streaming = false;
  #sinceMs = 0;
  #heardMs = 0;
  #stopped = false;
  #visits = 0;
  #wake: () => void = () => undefined;
  #hangUp: (trouble: LinkTrouble) => void = () => undefined;
  #listening: (readonly [Characteristic, (event: Event) => void])[] = [];

  constructor(device: Device, on: StrapHandlers, timing = usualTiming) {
    this.#device = device;
    this.#on = on;
    this.#timing = timing;
    this.#strap = { name: device.name ?? "", model: null, manufacturer: null, firmware: null };
    device.addEventListener("gattserverdisconnected", this.#gone);
    void this.#run();
  }

  /** Lets the strap go: it may sleep, or talk to something else. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#hangUp(new LinkTrouble("stopped"));
    this.#wake();
  }

  readonly #gone = (): void => this.#hangUp(new LinkTrouble("link_lost"));

  async #run(): Promise<void> {
    for (let tries = 0; !this.#stopped; tries++) {
      let reason: Reason;
      try {
        reason = await this.#visit();
      } catch (problem) {
        reason = reasonOf(problem, this.#step);
      }
      const steady = this.#streaming && performance.now() - this.#sinceMs > this.#timing.steadyMs;
      if (steady) tries = 0;
      this.#streaming = false;
      await this.#letGo();
      if (this.#stopped) break;
      this.#tell("lost", reason);
      const waitMs = backoffMs(tries, this.#timing.backoffMs);
      this.#tell("backoff", reason);
      await this.#sleep(waitMs);
    }
    this.#device.removeEventListener("gattserverdisconnected", this.#gone);
  }

  /** Connects and listens until the link fails; says why it did. */
  async #visit(): Promise<Reason> {
    const { gatt } = this.#device;
    if (!gatt) throw new LinkTrouble("no_heart_rate");
    this.#visits += 1;
    const lost = new Promise<never>((_, reject) => (this.#hangUp = reject));
    lost.catch(() => undefined); // it may come when nobody waits for it any more
    const { connectMs, subscribeMs } = this.#timing;
    this.#tell("connecting");
    const server = await Promise.race([within(connectMs, gatt.connect()), lost]);
    this.#tell("discovering");
    const service = await Promise.race([
      within(subscribeMs, server.getPrimaryService("heart_rate")),
      lost,
    ]);
    const heart = await Promise.race([
      within(subscribeMs, service.getCharacteristic("heart_rate_measurement")),
      lost,
    ]);
    await Promise.race([this.#introduce(server), lost]);
    this.#tell("subscribing");
    await Promise.race([within(subscribeMs, this.#listen(heart, "heart_rate_measurement")), lost]);
    await Promise.race([this.#listenToBattery(server), lost]);
    return await Promise.race([this.#silence(), lost]);
  }

  /** Everything here is optional: what cannot be read in time is left out. */
  async #introduce(server: Server): Promise<void> {
    const strap = { ...this.#strap };
    const read = async (): Promise<void> => {
      const service = await server.getPrimaryService("device_information");
      for (const [field, name] of [
        ["model", "model_number_string"],
        ["manufacturer", "manufacturer_name_string"],
        ["firmware", "firmware_revision_string"],
      ] as const) {
        try {
          const value = await (await service.getCharacteristic(name)).readValue();
          strap[field] = new TextDecoder().decode(value).slice(0, 100);
        } catch {
          // This one is not told.
        }
      }
    };
    await within(this.#timing.introduceMs, read()).catch(() => undefined);
    this.#strap = strap;
  }

  async #listenToBattery(server: Server): Promise<void> {
    const read = async (): Promise<void> => {
      const service = await server.getPrimaryService("battery_service");
      const battery = await service.getCharacteristic("battery_level");
      this.#on.notification("battery_level", bytes(await battery.readValue()), performance.now());
      await this.#listen(battery, "battery_level");
    };
    await within(this.#timing.introduceMs, read()).catch(() => undefined);
  }

  async #listen(characteristic: Characteristic, from: Sender): Promise<void> {
    const visit = this.#visits;
    const heard = (event: Event): void => {
      const { value } = characteristic;
      if (!value || this.#stopped || visit !== this.#visits) return;
      const heart = from === "heart_rate_measurement";
      if (heart) this.#heardMs = performance.now();
      if (heart && this.#step !== "streaming") {
        if (!this.#streaming) this.#sinceMs = this.#heardMs;
        this.#streaming = this.#streamed = true;
        this.#tell("streaming");
      }
      this.#on.notification(from, bytes(value), event.timeStamp);
    };
    characteristic.addEventListener("characteristicvaluechanged", heard);
    this.#listening.push([characteristic, heard]);
    await characteristic.startNotifications();
  }

  /** Resolves when nothing has come for too long: a link can look alive and be dead. */
  async #silence(): Promise<Reason> {
    const { silenceMs } = this.#timing;
    const visit = this.#visits;
    this.#heardMs = Math.max(this.#heardMs, performance.now());
    for (;;) {
      const quietMs = performance.now() - this.#heardMs;
      if (quietMs >= 2 * silenceMs) return "no_data";
      if (quietMs >= silenceMs && this.#step !== "stale") this.#tell("stale", "no_data");
      await this.#sleep(Math.max((quietMs < silenceMs ? silenceMs : 2 * silenceMs) - quietMs, 20));
      if (this.#stopped || visit !== this.#visits) return "stopped";
    }
  }

  async #letGo(): Promise<void> {
    const { gatt } = this.#device;
    this.#visits += 1; // what still waits of this visit knows that it is over
    this.#hangUp = () => undefined;
    this.#wake();
    for (const [characteristic, heard] of this.#listening.splice(0)) {
      characteristic.removeEventListener("characteristicvaluechanged", heard);
      if (gatt?.connected) await within(1_000, characteristic.stopNotifications()).catch(() => undefined);
    }
    gatt?.disconnect(); // also when it is gone: it ends a connection that is being made
  }

  #tell(step: Step, reason: Reason | null = null): void {
    this.#step = step;
    this.#on.link({ state: this.#state(step), step, reason, strap: this.#strap });
  }

  #state(step: Step): LinkStateName {
    if (step === "streaming" || step === "stale") return step;
    if (this.#streamed) return "reconnecting";
    return step === "lost" || step === "backoff" ? "searching" : "connecting";
  }

  #sleep(ms: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function bytes(value: DataView): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LinkTrouble("timeout")), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
