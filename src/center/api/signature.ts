import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";

/** Who signs requests: kiosks, license servers, customer terminals, and the center itself towards stores and destination terminals. */
export type Signer = "kiosk" | "server" | "terminal" | "center";

/** Scheme of the Authorization header of each. */
export const SCHEMES = {
  kiosk: "Leyden-Kiosk",
  server: "Leyden-Server",
  terminal: "Leyden-Terminal",
  center: "Leyden-Center",
} as const satisfies Record<Signer, string>;

/** Seconds that a signature's time may be away from the center's. */
export const TOLERANCE = 300;

export interface SignedRequest {
  method: string;
  /** Path and query, exactly as sent. */
  path: string;
  body: Uint8Array;
  /** Seconds since 1970. */
  time: number;
  /** 16 bytes in hex, never used twice. */
  nonce: string;
  /** Empty when the request has none. */
  idempotencyKey: string;
}

/** What is signed: seven lines, the last without a line feed. Method in capitals, hash and nonce in lower-case hex, time in decimal. */
export function signedText(request: SignedRequest): Buffer {
  const digest = createHash("sha256").update(request.body).digest("hex");
  return Buffer.from(
    [
      "leyden request 1",
      request.method.toUpperCase(),
      request.path,
      digest,
      String(request.time),
      request.nonce,
      request.idempotencyKey,
    ].join("\n"),
  );
}

/** PKCS #8 and SPKI prefixes of Ed25519 keys (RFC 8410), before the 32 bytes. */
const PRIVATE = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC = Buffer.from("302a300506032b6570032100", "hex");

/** Authorization header of a request; `id` is the signer's, 8 bytes in hex, `seed` that of its Ed25519 key. */
export function authorize(id: string, seed: Uint8Array, request: SignedRequest, signer: Signer = "kiosk"): string {
  const signature = signEd25519(seed, signedText(request)).toString("hex");
  return `${SCHEMES[signer]} ${signer}=${id},time=${String(request.time)},nonce=${request.nonce},signature=${signature}`;
}

/** Keys that have been read: reading one takes twenty times as long as signing with it. */
const privateKeys = new WeakMap<Uint8Array, KeyObject>();

function privateKey(seed: Uint8Array): KeyObject {
  let key = privateKeys.get(seed);
  if (key === undefined) {
    key = createPrivateKey({ key: Buffer.concat([PRIVATE, seed]), format: "der", type: "pkcs8" });
    privateKeys.set(seed, key);
  }
  return key;
}

/** Signature (64 bytes) over `text` with the key of `seed` (32 bytes), an array that is never written to again. */
export function signEd25519(seed: Uint8Array, text: Uint8Array): Buffer {
  return sign(null, text, privateKey(seed));
}

/** Public key (32 bytes) of the Ed25519 key of `seed`. */
export function publicEd25519(seed: Uint8Array): Uint8Array {
  const key = createPublicKey(privateKey(seed));
  return new Uint8Array(key.export({ format: "der", type: "spki" }).subarray(PUBLIC.length));
}

export interface Authorization {
  id: string;
  time: number;
  nonce: string;
  signature: Buffer;
}

const FORM =
  /^Leyden-[A-Z][a-z]+ (kiosk|server|terminal|center)=([0-9a-f]{16}),time=([0-9]{1,10}),nonce=([0-9a-f]{32}),signature=([0-9a-f]{128})$/;

/** The parts of the header; undefined when it is not of this form, or of another kind of signer. */
export function parseAuthorization(header: string, signer: Signer = "kiosk"): Authorization | undefined {
  const parts = FORM.exec(header);
  if (parts?.[1] !== signer || !header.startsWith(SCHEMES[signer])) return undefined;
  return { id: parts[2], time: Number(parts[3]), nonce: parts[4], signature: Buffer.from(parts[5], "hex") };
}

/** True when `signature` (64 bytes) over `text` is of `publicKey` (32 bytes). */
export function verifyEd25519(publicKey: Uint8Array, text: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    // As JWK (RFC 8037), which takes an eighth of the time of SPKI.
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey).toString("base64url") }, format: "jwk" });
    return verify(null, text, key, signature);
  } catch {
    return false;
  }
}
