import { statSync } from "node:fs";
import path from "node:path";
import { minifiedSize, type Build } from "./bundle.js";
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

const everything = { ...curve, ...hashes, ...stream, ...suite1, ...suite2 };

const parts: [work: string, build: Build, imports: Record<string, string[]>][] = [
  ["curve, hashes, both suites, for Espruino", "natives only", everything],
  ["curve, hashes, both suites, with own code in place of natives", "natives", everything],
  ["curve, hashes, both suites, nothing native", "no natives", everything],
  ["X25519", "no natives", { "src/core/curve/curve.js": ["x25519Start", "x25519Step"] }],
  [
    "X25519, Ed25519 verify",
    "no natives",
    { "src/core/curve/curve.js": ["x25519Start", "x25519Step", "ed25519VerifyStart", "ed25519VerifyStep"] },
  ],
  ["X25519, Ed25519 with signing", "no natives", curve],
  ["SHA-256, SHA-512, HMAC, HKDF", "no natives", hashes],
  ["stream, suite 1", "no natives", { ...stream, ...suite1 }],
  ["stream, suite 2", "no natives", { ...stream, ...suite2 }],
];

/** Bytes of minified code; the peer is always all of tweetnacl's minified build. */
export async function sizeRows(): Promise<Row[]> {
  const theirs = statSync(path.resolve(import.meta.dirname, "../node_modules/tweetnacl/nacl-fast.min.js")).size;
  const rows: Row[] = [];
  for (const [work, build, imports] of parts) {
    const ours = await minifiedSize(imports, build);
    rows.push({ ...row("any", `code: ${work}`, "tweetnacl, all", "bytes", ours, theirs), ours, theirs });
  }
  return rows;
}
