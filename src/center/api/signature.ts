import { createHash, createPrivateKey, createPublicKey, sign, verify } from "node:crypto";

/** Scheme of the Authorization header. */
export const SCHEME = "Leyden-Kiosk";
/** The same for license servers. */
export const SERVER_SCHEME = "Leyden-Server";

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

/** Authorization header of a kiosk's or a license server's request. */
export function authorize(id: string, seed: Uint8Array, request: SignedRequest, signer: "kiosk" | "server" = "kiosk"): string {
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE, seed]), format: "der", type: "pkcs8" });
  const signature = sign(null, signedText(request), key).toString("hex");
  return `${signer === "kiosk" ? SCHEME : SERVER_SCHEME} ${signer}=${id},time=${String(request.time)},nonce=${request.nonce},signature=${signature}`;
}

export interface Authorization {
  kioskId: string;
  time: number;
  nonce: string;
  signature: Buffer;
}

const FORM = /^Leyden-(?:Kiosk kiosk|Server server)=([0-9a-f]{16}),time=([0-9]{1,10}),nonce=([0-9a-f]{32}),signature=([0-9a-f]{128})$/;

/** The parts of the header; undefined when it is not of this form. */
export function parseAuthorization(header: string): Authorization | undefined {
  const parts = FORM.exec(header);
  if (parts === null) return undefined;
  return { kioskId: parts[1], time: Number(parts[2]), nonce: parts[3], signature: Buffer.from(parts[4], "hex") };
}

/** True when `signature` (64 bytes) over `text` is of `publicKey` (32 bytes). */
export function verifyEd25519(publicKey: Uint8Array, text: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    const key = createPublicKey({ key: Buffer.concat([PUBLIC, publicKey]), format: "der", type: "spki" });
    return verify(null, text, key, signature);
  } catch {
    return false;
  }
}
