import { ed25519 as nobleEd25519, x25519 as nobleX25519 } from "@noble/curves/ed25519.js";
import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import sodium from "libsodium-wrappers";
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  timingSafeEqual,
  verify,
} from "node:crypto";
import nacl from "tweetnacl";
import { ed25519Sign, ed25519PublicKey, ed25519Verify, x25519 } from "../src/core/curve/curve.js";
import { sha256 } from "../src/core/hash/sha256.js";
import { sha512 } from "../src/core/hash/sha512.js";
import { adoptNatives } from "../src/core/adopt.js";
import { type Natives } from "../src/core/natives.js";
import { headerEncode } from "../src/core/stream/header.js";
import { createStream, streamOpenChunk, streamSealChunk, streamStart, type Suite } from "../src/core/stream/stream.js";
import { suite1 } from "../src/core/stream/suite1.js";
import { suite2 } from "../src/core/stream/suite2.js";
import { nodeNatives } from "../src/host/natives-node.js";
import { compare, type Row } from "./measure.js";

const SIZE = 4096;
const key = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);
const nonce = new Uint8Array(24);
const plain = Uint8Array.from({ length: SIZE }, (_, i) => i & 255);

function expect(ok: boolean, work: string): void {
  if (!ok) throw new Error(`${work}: a side does not do the work; its timing would mean nothing`);
}

/** Opens one sealed chunk of 4 KiB again and again. */
function opener(suite: Suite): () => boolean {
  const header = new Uint8Array(48);
  headerEncode(header, { suite: suite.id, chunkSize: SIZE, contentId: new Uint8Array(16), titleKeyVersion: 1, salt: new Uint8Array(16) });
  const stream = createStream([suite], SIZE);
  streamStart(stream, header, key);
  const sealed = new Uint8Array(suite.sealedChunk(SIZE));
  const clear = new Uint8Array(SIZE);
  streamSealChunk(stream, 0, false, plain, sealed);
  return () => streamOpenChunk(stream, 0, false, sealed, clear) === SIZE;
}

/** What suite 2 does, written with node:crypto directly. */
function rawOpener(): () => boolean {
  const place = Buffer.alloc(41);
  const bits = Buffer.from([0, 0, 0, 0, 0, 0, 1, 72]);
  const macKey = key.subarray(0, 16);
  const encryptionKey = key.subarray(16);
  const makeIv = () => {
    const cipher = createCipheriv("aes-128-cbc", macKey, Buffer.alloc(16));
    cipher.setAutoPadding(false);
    return cipher.update(Buffer.alloc(16));
  };
  const mac = (iv: Uint8Array, data: Uint8Array) =>
    createHmac("sha256", macKey).update(place).update(iv).update(data).update(bits).digest().subarray(0, 16);
  const cipher = createCipheriv("aes-128-cbc", encryptionKey, makeIv());
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  const tag = mac(makeIv(), sealed);
  return () => {
    const iv = makeIv();
    if (!timingSafeEqual(mac(iv, sealed), tag)) return false;
    const decipher = createDecipheriv("aes-128-cbc", encryptionKey, iv);
    return decipher.update(sealed).length + decipher.final().length === SIZE;
  };
}

const der = (prefix: string, bytes: Uint8Array) => Buffer.concat([Buffer.from(prefix, "hex"), bytes]);

/** All works on Node. `rounds` alternating rounds each. */
export async function nodeRows(rounds: number): Promise<Row[]> {
  await sodium.ready;
  const rows: Row[] = [];
  const run = (
    work: string,
    unit: string,
    scale: number,
    ours: () => boolean,
    peers: Record<string, () => boolean>,
    natives: Natives = {},
  ) => {
    adoptNatives(natives);
    expect(ours() && Object.values(peers).every((peer) => peer()), work);
    rows.push(...compare("node", work, unit, scale, rounds, ours, peers));
    adoptNatives({});
  };

  const out = new Uint8Array(32);
  const point = nacl.scalarMult.base(key);
  const expected = nacl.scalarMult(key, point);
  const same = (bytes: Uint8Array) => bytes[0] === expected[0] && bytes[31] === expected[31];
  const privateKey = createPrivateKey({ key: der("302e020100300506032b656e04220420", key), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey({ key: der("302a300506032b656e032100", point), format: "der", type: "spki" });
  run("X25519", "ms", 1e-6, () => x25519(out, key, point) && same(out), {
    tweetnacl: () => same(nacl.scalarMult(key, point)),
    "noble-curves": () => same(nobleX25519.getSharedSecret(key, point)),
    libsodium: () => same(sodium.crypto_scalarmult(key, point)),
    "node:crypto": () => same(diffieHellman({ privateKey, publicKey })),
  });

  const pub = new Uint8Array(32);
  const signature = new Uint8Array(64);
  ed25519PublicKey(pub, key);
  ed25519Sign(signature, key, [plain]);
  const verifier = createPublicKey({ key: der("302a300506032b6570032100", pub), format: "der", type: "spki" });
  run("Ed25519 verify", "ms", 1e-6, () => ed25519Verify(signature, [plain], pub), {
    tweetnacl: () => nacl.sign.detached.verify(plain, signature, pub),
    "noble-curves": () => nobleEd25519.verify(signature, plain, pub),
    libsodium: () => sodium.crypto_sign_verify_detached(signature, plain, pub),
    "node:crypto": () => verify(null, plain, verifier, signature),
  });

  const wide = new Uint8Array(64);
  run("SHA-256 of 4 KiB", "µs", 1e-3, () => (sha256(out, [plain]), true), {
    "node:crypto": () => createHash("sha256").update(plain).digest().length === 32,
  });
  run("SHA-512 of 4 KiB", "µs", 1e-3, () => (sha512(wide, [plain]), true), {
    tweetnacl: () => nacl.hash(plain).length === 64,
    libsodium: () => sodium.crypto_hash(plain).length === 64,
    "node:crypto": () => createHash("sha512").update(plain).digest().length === 64,
  });

  const box = nacl.secretbox(plain, nonce, key);
  run("open a chunk of 4 KiB, suite 1", "µs", 1e-3, opener(suite1), {
    tweetnacl: () => nacl.secretbox.open(box, nonce, key)?.length === SIZE,
    "noble-ciphers": () => xsalsa20poly1305(key, nonce).decrypt(box).length === SIZE,
    libsodium: () => sodium.crypto_secretbox_open_easy(box, nonce, key).length === SIZE,
  });
  adoptNatives(nodeNatives);
  run("open a chunk of 4 KiB, suite 2, native", "µs", 1e-3, opener(suite2), { "node:crypto": rawOpener() }, nodeNatives);
  run("open a chunk of 4 KiB, suite 2, interpreted", "µs", 1e-3, opener(suite2), { "node:crypto": rawOpener() });
  return rows;
}
