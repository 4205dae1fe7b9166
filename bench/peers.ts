import { readFileSync } from "node:fs";
import path from "node:path";
import { bundle } from "./bundle.js";

/** What is measured in an engine: a name, how often one timing repeats it, and statements of both sides that each do the work once. */
export interface EngineWork {
  work: string;
  /** Repetitions of ours and of theirs in one timing on Espruino; the result is per repetition. */
  times: [ours: number, theirs: number];
  ours: string;
  theirs: string;
  /** Where tweetnacl does no such work: another way of core's own to compare with, by engine. */
  own?: Record<"espruino" | "jerryscript", { peer: string; statement: string }>;
}

/** Works of tweetnacl's fast build against core, on interpreters. Names come from `oursSetup` and `theirsSetup`. */
export function engineWorks(chunkSizes: number[]): EngineWork[] {
  const chunk = (suiteId: number, size: number, ours: number): EngineWork => ({
    work: `open a chunk of ${String(size)} bytes, suite ${String(suiteId)}`,
    times: [ours, 8],
    ours: `streamOpenChunk(stream${String(suiteId)}x${String(size)}, 0, false, sealed${String(suiteId)}x${String(size)}, clear)`,
    theirs: `nacl.secretbox.open(box${String(size)}, nonce, key)`,
  });
  return [
    { work: "X25519", times: [2, 1], ours: "x25519(out, key, point)", theirs: "nacl.scalarMult(key, point)" },
    {
      work: "Ed25519 verify",
      times: [1, 1],
      ours: "ed25519Verify(signature, [key], pub)",
      theirs: "nacl.sign.detached.verify(key, signature, pub)",
    },
    {
      work: "SHA-256 of 1 KiB",
      times: [1000, 8],
      ours: "sha256(out, [kib])",
      theirs: "",
      own: {
        espruino: { peer: "ours, interpreted", statement: "interpreted()" },
        jerryscript: { peer: "ours, SHA-512", statement: "sha512(wide, [kib])" },
      },
    },
    { work: "SHA-512 of 1 KiB", times: [1000, 8], ours: "sha512(wide, [kib])", theirs: "nacl.hash(kib)" },
    ...chunkSizes.flatMap((size) => [chunk(1, size, 20), chunk(2, size, 800)]),
  ];
}

const bytes = (name: string, values: Uint8Array) => `const ${name} = new Uint8Array([${Array.from(values).join(",")}]);\n`;

export interface Fixtures {
  key: Uint8Array;
  point: Uint8Array;
  signature: Uint8Array;
  pub: Uint8Array;
}

/** A script that does the named work `times` times and prints its last answer. */
export async function oursScript(
  engine: "espruino" | "jerryscript",
  work: EngineWork,
  times: number,
  chunkSizes: number[],
  natives: string,
  fixtures: Fixtures,
): Promise<string> {
  const used = chunkSizes.filter((size) => work.ours.includes(`x${String(size)},`));
  return bundle(
    `${natives}
import { x25519, ed25519Verify } from "./src/core/curve/curve.js";
import { createSha256, sha256 } from "./src/core/hash/sha256.js";
import { sha512 } from "./src/core/hash/sha512.js";
import { headerEncode } from "./src/core/stream/header.js";
import { createStream, streamOpenChunk, streamSealChunk, streamStart } from "./src/core/stream/stream.js";
import { suite1 } from "./src/core/stream/suite1.js";
import { suite2 } from "./src/core/stream/suite2.js";
declare const print: (text: string) => void;
${bytes("key", fixtures.key)}${bytes("point", fixtures.point)}${bytes("signature", fixtures.signature)}${bytes("pub", fixtures.pub)}
const out = new Uint8Array(32);
const wide = new Uint8Array(64);
const kib = new Uint8Array(1024);
const clear = new Uint8Array(${String(Math.max(...chunkSizes))});
const header = new Uint8Array(48);
const none = new Uint8Array(16);
let index = 0;
let result: any = sha256;
${
  work.ours === "interpreted()"
    ? `const own = createSha256();
function interpreted(): boolean {
  const parts = [kib];
  while (!own(out, parts));
  return true;
}
`
    : ""
}${used
      .flatMap((size) =>
        [1, 2].map(
          (id) => `const stream${String(id)}x${String(size)} = createStream([suite${String(id)}], ${String(size)});
const whole${String(id)}x${String(size)} = new Uint8Array(${String(size + 32)});
headerEncode(header, { suite: ${String(id)}, chunkSize: ${String(size)}, contentId: none, titleKeyVersion: 1, salt: none });
streamStart(stream${String(id)}x${String(size)}, header, key);
const sealed${String(id)}x${String(size)} = whole${String(id)}x${String(size)}.subarray(0, streamSealChunk(stream${String(id)}x${String(size)}, 0, false, new Uint8Array(${String(size)}), whole${String(id)}x${String(size)}));
`,
        ),
      )
      .join("")}
for (index = 0; index < ${String(times)}; index++) result = ${work.ours};
print("refused " + refused + " answer " + result);
`,
    engine,
  );
}

/** The same for tweetnacl's own minified build. */
export function theirsScript(work: EngineWork, times: number, chunkSizes: number[], fixtures: Fixtures): string {
  const source = readFileSync(path.resolve(import.meta.dirname, "../node_modules/tweetnacl/nacl-fast.min.js"), "utf8");
  const used = chunkSizes.filter((size) => work.theirs.includes(`box${String(size)},`));
  const setup =
    bytes("key", fixtures.key) + bytes("point", fixtures.point) + bytes("signature", fixtures.signature) + bytes("pub", fixtures.pub);
  return `var module = { exports: {} };
${source}
var nacl = module.exports;
${setup.replace(/const /g, "var ")}
var nonce = new Uint8Array(24);
var kib = new Uint8Array(1024);
var index = 0;
var result;
${used.map((size) => `var box${String(size)} = nacl.secretbox(new Uint8Array(${String(size)}), nonce, key);\n`).join("")}
for (index = 0; index < ${String(times)}; index++) result = ${work.theirs};
print("refused 0 answer " + (result === undefined || !!result));
`;
}
