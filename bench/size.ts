import { statSync } from "node:fs";
import path from "node:path";
import { minifiedSize } from "./bundle.js";
import { row, type Row } from "./measure.js";

const curve = {
  "src/core/curve/curve.js": [
    "x25519",
    "x25519Base",
    "x25519Start",
    "x25519Step",
    "ed25519Verify",
    "ed25519VerifyStart",
    "ed25519VerifyStep",
    "ed25519Sign",
    "ed25519PublicKey",
  ],
};
const hashes = {
  "src/core/hash/sha256.js": ["sha256"],
  "src/core/hash/sha512.js": ["sha512"],
  "src/core/hash/hmac.js": ["hmac"],
  "src/core/hash/hkdf.js": ["hkdf"],
};
const stream = { "src/core/stream/stream.js": ["createStream", "streamStart", "streamOpenChunk", "streamSealChunk", "streamWipe"] };
const suite1 = { "src/core/stream/suite1.js": ["suite1"] };
const suite2 = { "src/core/stream/suite2.js": ["suite2"] };

const parts: Record<string, Record<string, string[]>> = {
  "code: X25519 alone": { "src/core/curve/curve.js": ["x25519Start", "x25519Step"] },
  "code: X25519, Ed25519 verify": { "src/core/curve/curve.js": ["x25519Start", "x25519Step", "ed25519VerifyStart", "ed25519VerifyStep"] },
  "code: X25519, Ed25519 with signing": curve,
  "code: SHA-256, SHA-512, HMAC, HKDF": hashes,
  "code: stream, suite 1": { ...stream, ...suite1 },
  "code: stream, suite 2": { ...stream, ...suite2 },
  "code: curve, hashes, both suites": { ...curve, ...hashes, ...stream, ...suite1, ...suite2 },
};

/** Bytes of minified code; the peer is always all of tweetnacl's minified build. */
export async function sizeRows(): Promise<Row[]> {
  const theirs = statSync(path.resolve(import.meta.dirname, "../node_modules/tweetnacl/nacl-fast.min.js")).size;
  const rows: Row[] = [];
  for (const [work, imports] of Object.entries(parts)) {
    const ours = await minifiedSize(imports);
    rows.push({ ...row("any", work, "tweetnacl, all", "bytes", ours, theirs), ours, theirs });
  }
  return rows;
}
