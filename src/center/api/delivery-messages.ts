import { randomBytes } from "node:crypto";
import { Type, type Static, type TSchema } from "typebox";
import { Value } from "typebox/value";
import type { Answer, Outgo, Outgoing } from "../../host/outgoing.js";
import { DeviceId, Hash, Id, bytes, closed } from "./schema.js";
import { authorize, parseAuthorization, signEd25519, signedText, verifyEd25519 } from "./signature.js";

/** Name under which the center signs: it has one key, which the others pin. */
export const CENTER_ID = "0000000000000000";

const Bound = Type.Integer({ minimum: 0, maximum: 255 });
/** An icon in a picture, in parts of 255 of its width and height, and where a click leads; an address is 8 to 120 characters of ASCII. */
export const AreaBody = closed({
  left: Bound,
  top: Bound,
  right: Bound,
  bottom: Bound,
  address: Type.String({ pattern: "^[!-~]{8,120}$" }),
});
export type AreaBody = Static<typeof AreaBody>;
export const Areas = Type.Array(AreaBody, { maxItems: 4 });

export const MediaType = Type.String({ pattern: "^image/(png|jpeg|webp|gif)$" });
export const PICTURE_LIMIT = 4 << 20;

export const AdvertBody = closed({
  id: DeviceId,
  mediaType: MediaType,
  length: Type.Integer({ minimum: 1, maximum: PICTURE_LIMIT }),
  sha256: Hash,
  areas: Areas,
});
export type AdvertBody = Static<typeof AdvertBody>;

/** Clicks that were kept where there was no network; nothing says whose they were. */
export const Clicks = Type.Array(closed({ advertId: DeviceId, count: Type.Integer({ minimum: 1, maximum: 1_000_000 }) }), { maxItems: 16 });
export type Clicks = Static<typeof Clicks>;

/** A content as a store has sealed it, with the adverts that the store attaches. */
export const FormBody = closed({
  header: bytes(48, "Stream header"),
  length: Type.Integer({ minimum: 1, maximum: 4294967295 }),
  rate: Type.Integer({ minimum: 0, maximum: 4294967295 }),
  sha256: Hash,
  adverts: Type.Array(AdvertBody, { maxItems: 4 }),
});
export type FormBody = Static<typeof FormBody>;

/** What the center says about one delivery of a content, signed, so that a terminal takes nothing else. */
export const Manifest = closed({
  orderId: Id,
  contentId: Id,
  terminalId: DeviceId,
  envelope: bytes(48, "Order's envelope"),
  ...FormBody.properties,
});
export type Manifest = Static<typeof Manifest>;

const CONTEXT = "leyden delivery 1\n";

/** A manifest and the center's signature over it, as one text. */
export function signManifest(seed: Uint8Array, manifest: Manifest): string {
  const text = Buffer.from(JSON.stringify(manifest));
  const signature = signEd25519(seed, Buffer.concat([Buffer.from(CONTEXT), text]));
  return `${text.toString("base64url")}.${signature.toString("base64url")}`;
}

/** The manifest in a signed text; undefined when the center did not sign it. */
export function openManifest(publicKey: Uint8Array, signed: string): Manifest | undefined {
  const [text, signature, ...rest] = signed.split(".").map((part) => Buffer.from(part, "base64url"));
  if (signature === undefined || rest.length > 0 || !verifyEd25519(publicKey, Buffer.concat([Buffer.from(CONTEXT), text]), signature))
    return undefined;
  const manifest: unknown = JSON.parse(text.toString());
  return Value.Check(Manifest, manifest) ? manifest : undefined;
}

/** Sends a request that the center signs, with JSON. */
export function sendSigned(
  outgoing: Outgoing,
  seed: Uint8Array,
  time: number,
  method: string,
  address: string,
  body: unknown,
  options: Pick<Outgo, "timeout"> = {},
): Promise<Answer> {
  const url = new URL(address);
  const bytes = body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
  const request = {
    method,
    path: url.pathname + url.search,
    body: bytes,
    time,
    nonce: randomBytes(16).toString("hex"),
    idempotencyKey: "",
  };
  return outgoing.send(address, {
    method,
    headers: {
      authorization: authorize(CENTER_ID, seed, request, "center"),
      ...(bytes.length > 0 && { "content-type": "application/json" }),
    },
    ...(bytes.length > 0 && { body: bytes }),
    ...options,
  });
}

/** True when the center signed this request. Time and nonce are not looked at: all that it asks for may be done again. */
export function signedByCenter(publicKey: Uint8Array, method: string, path: string, header: string, body: Uint8Array): boolean {
  const parts = parseAuthorization(header, "center");
  if (parts?.id !== CENTER_ID) return false;
  return verifyEd25519(
    publicKey,
    signedText({ method, path, body, time: parts.time, nonce: parts.nonce, idempotencyKey: "" }),
    parts.signature,
  );
}

/** What an answer says, when it is of this shape; undefined otherwise. */
export function answered<T extends TSchema>(answer: Answer, shape: T): Static<T> | undefined {
  if (answer.status !== 200) return undefined;
  try {
    const value: unknown = JSON.parse(answer.body.toString());
    return Value.Check(shape, value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The sentence of an answer that refuses, for people; "" when it has none. */
export function sentenceOf(answer: Answer): string {
  try {
    const value: unknown = JSON.parse(answer.body.toString());
    if (typeof value === "object" && value !== null && "detail" in value && typeof value.detail === "string")
      return value.detail.slice(0, 300);
  } catch {
    // A stranger's answer.
  }
  return "";
}

/** Sixteen random bytes over which a terminal's client proves who it is. */
export const ChallengeBody = closed({ challenge: bytes(16, "Challenge") });
/** Which client a terminal has, with the client's own nonce and its proof over challenge and nonce (message 17 of docs/protocol.md). */
export const TerminalBody = Type.Object({ id: DeviceId, nonce: bytes(16, "Nonce"), proof: bytes(16, "Proof") });
/** A client's proof that it holds the key of an order, or null. */
export const KeyBody = Type.Object({ proof: Type.Unsafe<string | null>({ type: ["string", "null"], pattern: "^[0-9a-f]{32}$" }) });
/** How far a content has come, and which of its adverts are missing. */
export const ReceivedBody = Type.Object({ received: Type.Integer({ minimum: 0 }), adverts: Type.Array(DeviceId) });
/** How a delivery stands at the store. */
export const SendingBody = Type.Object({
  state: Type.Unsafe<"sending" | "done" | "failed">({ type: "string", enum: ["sending", "done", "failed"] }),
  sent: Type.Integer({ minimum: 0 }),
  error: Type.String(),
});
