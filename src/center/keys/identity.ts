import { UnfitFile, readJson, writeSecret } from "./files.js";

/** Who a machine without firmware is: a kiosk, a license server, a store server, or the center when it meets a card. All values of bytes in hex in its file. */
export interface Identity {
  role: number;
  /** 8 bytes. */
  id: Uint8Array;
  /** Generation of the device key. */
  generation: number;
  /** Shared with the center, 32 bytes, secret: opens the tickets that introduce it. */
  deviceKey: Uint8Array;
  /** X25519 private key, 32 bytes, secret, and the chain of its certificate, 256 bytes: for sessions with devices. */
  privateKey: Uint8Array;
  chain: Uint8Array;
  /** Ed25519 seed, 32 bytes, secret, and the chain of its certificate, 256 bytes: for signed requests and documents. */
  signingSeed: Uint8Array;
  signingChain: Uint8Array;
  /** The root in use and its successor, 64 bytes. */
  roots: Uint8Array;
}

const LENGTHS = { id: 8, deviceKey: 32, privateKey: 32, chain: 256, signingSeed: 32, signingChain: 256, roots: 64 } as const;
const NAMES = Object.keys(LENGTHS) as (keyof typeof LENGTHS)[];

export function writeIdentity(path: string, identity: Identity): void {
  const text = Object.fromEntries(NAMES.map((name) => [name, Buffer.from(identity[name]).toString("hex")]));
  writeSecret(path, { role: identity.role, generation: identity.generation, ...text });
}

/** @throws UnfitFile when the file is not one that `leyden enroll identity` made */
export function readIdentity(path: string): Identity {
  const file = readJson(path) as Record<string, unknown>;
  const whole = NAMES.every((name) => {
    const text = file[name];
    return typeof text === "string" && /^[0-9a-f]*$/.test(text) && text.length === 2 * LENGTHS[name];
  });
  if (!whole || typeof file.role !== "number" || typeof file.generation !== "number")
    throw new UnfitFile(`The file ${path} is no identity; make one with: leyden enroll identity.`);
  const bytes = Object.fromEntries(NAMES.map((name) => [name, new Uint8Array(Buffer.from(file[name] as string, "hex"))]));
  return { role: file.role, generation: file.generation, ...bytes } as unknown as Identity;
}
