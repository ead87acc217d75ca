/** Passkeys of this browser (WebAuthn): asked for and made, from and to JSON. */

import type { PasskeyOptions } from "./together-api.ts";

export const canPasskey = typeof PublicKeyCredential !== "undefined";

/** Asks the device for a passkey it has. Null when the person stopped that. */
export function askPasskey(options: PasskeyOptions): Promise<unknown> {
  return asked(() => navigator.credentials.get({ publicKey: decoded(options) as never }));
}

/** Has the device make one. Null when the person stopped that. */
export function makePasskey(options: PasskeyOptions): Promise<unknown> {
  return asked(() => navigator.credentials.create({ publicKey: decoded(options) as never }));
}

/** What this device is called, as far as the browser tells. */
export function deviceName(agent = navigator.userAgent): string {
  const known = ["iPhone", "iPad", "Android", "Macintosh", "Windows", "Linux"];
  return known.find((name) => agent.includes(name))?.replace("Macintosh", "Mac") ?? "";
}

async function asked(act: () => Promise<Credential | null>): Promise<unknown> {
  try {
    const found = await act();
    return found && encoded(found as PublicKeyCredential);
  } catch (problem) {
    // Stopped by the person, too slow, or this device has one already.
    if (problem instanceof DOMException) return null;
    throw problem;
  }
}

/** The bytes in these stand as base64url in JSON. */
const BYTES: ReadonlySet<string> = new Set(["challenge", "id"]);

function decoded(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) return value.map((one) => decoded(one));
  if (typeof value === "object" && value !== null) {
    // The id of the place itself is a name, and stays one.
    const entries = Object.entries(value).map(([key, part]) => [key, name === "rp" ? part : decoded(part, key)]);
    return Object.fromEntries(entries);
  }
  return BYTES.has(name) && typeof value === "string" ? fromBase64Url(value) : value;
}

function encoded(found: PublicKeyCredential): unknown {
  const { response } = found;
  const of = response as AuthenticatorAttestationResponse & AuthenticatorAssertionResponse;
  const bytes = (value: ArrayBuffer | null | undefined): string | undefined => (value ? toBase64Url(value) : undefined);
  return {
    id: found.id,
    rawId: toBase64Url(found.rawId),
    type: found.type,
    authenticatorAttachment: found.authenticatorAttachment ?? undefined,
    clientExtensionResults: found.getClientExtensionResults(),
    response: {
      clientDataJSON: bytes(response.clientDataJSON),
      attestationObject: bytes(of.attestationObject),
      authenticatorData: bytes(of.authenticatorData),
      signature: bytes(of.signature),
      userHandle: bytes(of.userHandle),
      transports: of.getTransports?.(),
    },
  };
}

export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

export function toBase64Url(bytes: ArrayBuffer): string {
  const plain = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
