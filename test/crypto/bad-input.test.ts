import fc from "../generate.js";
import * as assert from "uvu/assert";
import * as core from "../../src/core/index.js";
import { suite } from "../suite.js";
import { inModes } from "./support.js";

/** Mistakes of a caller at what `leyden/core` exports: an error names the argument, what was expected and what came, and nothing is written. */
const test = suite("Bad input");

/** Arguments of one call by name, all right; `call` passes them on. */
interface Guarded {
  name: string;
  lengths: Record<string, number>;
  /** Lengths that are right besides. */
  fits?: Record<string, (length: number) => boolean>;
  call: (given: Record<string, Uint8Array>) => unknown;
}

const parts = [new Uint8Array([1, 2, 3])];
const header = new Uint8Array(core.HEADER_LENGTH);
core.headerEncode(header, { suite: 1, chunkSize: 64, contentId: new Uint8Array(16), titleKeyVersion: 1, salt: new Uint8Array(16) });
const begun = (): core.Stream => {
  const stream = core.createStream([core.suite1, core.suite2], 64);
  assert.ok(core.streamStart(stream, header, new Uint8Array(32).fill(3)));
  return stream;
};

const guarded: Guarded[] = [
  {
    name: "x25519",
    lengths: { out: 32, scalar: 32, point: 32 },
    call: ({ out, scalar, point }) => core.x25519(out, scalar, point),
  },
  {
    name: "x25519Start",
    lengths: { out: 32, scalar: 32, point: 32 },
    call: ({ out, scalar, point }) => {
      core.x25519Start(out, scalar, point);
    },
  },
  {
    name: "ed25519PublicKey",
    lengths: { out: 32, seed: 32 },
    call: ({ out, seed }) => {
      core.ed25519PublicKey(out, seed);
    },
  },
  {
    name: "ed25519Sign",
    lengths: { out: 64, seed: 32 },
    call: ({ out, seed }) => {
      core.ed25519Sign(out, seed, parts);
    },
  },
  {
    name: "sha256",
    lengths: { out: 32 },
    call: ({ out }) => {
      core.sha256(out, parts);
    },
  },
  {
    name: "sha512",
    lengths: { out: 64 },
    call: ({ out }) => {
      core.sha512(out, parts);
    },
  },
  {
    name: "hmac",
    lengths: { out: 32 },
    call: ({ out }) => {
      core.hmac(out, new Uint8Array(5), parts);
    },
  },
  {
    name: "hmacPrepare",
    lengths: { pads: 128 },
    call: ({ pads }) => {
      core.hmacPrepare(pads, new Uint8Array(5));
    },
  },
  {
    name: "hmacPrepared",
    lengths: { out: 32, pads: 128 },
    call: ({ out, pads }) => {
      core.hmacPrepared(out, pads, parts);
    },
  },
  {
    name: "hkdf",
    lengths: { out: 8160 },
    fits: { out: (length) => length <= 8160 },
    call: ({ out }) => {
      core.hkdf(out, new Uint8Array(0), new Uint8Array(32), new Uint8Array(0));
    },
  },
  {
    name: "aesCbc",
    lengths: { out: 48, key: 16, iv: 16, data: 48 },
    fits: { out: (length) => length >= 48, data: (length) => length % 16 === 0 && length <= 48 },
    call: ({ out, key, iv, data }) => {
      core.aesCbc(out, key, iv, data, false);
    },
  },
  {
    name: "seal",
    lengths: { out: 26, key: 32, plain: 10 },
    call: ({ out, key, plain }) => {
      core.seal(out, key, new Uint8Array(3), plain);
    },
  },
  {
    name: "open",
    lengths: { out: 10, key: 32 },
    call: ({ out, key }) => core.open(out, key, new Uint8Array(3), new Uint8Array(26)),
  },
  { name: "randomSeed", lengths: { seed: 32 }, call: ({ seed }) => core.randomSeed(seed) },
  {
    name: "headerEncode",
    lengths: { out: 48, contentId: 16, salt: 16 },
    call: ({ out, contentId, salt }) => {
      core.headerEncode(out, { suite: 1, chunkSize: 64, contentId, titleKeyVersion: 1, salt });
    },
  },
  {
    name: "streamStart",
    lengths: { titleKey: 32 },
    call: ({ titleKey }) => core.streamStart(core.createStream([core.suite1], 64), header, titleKey),
  },
  {
    name: "streamSealChunk",
    lengths: { plain: 64, out: 96 },
    fits: { out: (length) => length >= 80 },
    call: ({ plain, out }) => core.streamSealChunk(begun(), 0, false, plain, out),
  },
  {
    name: "streamOpenChunk",
    lengths: { out: 64 },
    fits: { out: (length) => length >= 64 },
    call: ({ out }) => core.streamOpenChunk(begun(), 0, false, new Uint8Array(80), out),
  },
];

/** What takes no bytes of a fixed length, answers false or -1 to wrong ones since they are a stranger's, or passes on to what is above. */
const others = [
  ...["adoptNatives", "equal", "get16", "get32", "isZero", "put16", "put32", "crc32", "selftest"],
  ...["x25519Base", "x25519Step", "ed25519Verify", "ed25519VerifyStart", "ed25519VerifyStep", "randomFill", "randomStart"],
  ...["headerFits", "headerSuite", "headerChunkSize", "headerContentId", "headerTitleKeyVersion"],
  ...["createStream", "streamWipe", "streamChunks", "sealedLength"],
  ...["createFlow", "flowWipe", "flowStart", "flowWrite", "flowEnd", "flowRead", "sealContent", "openContent"],
];

test("every exported function is one of those tried here, or named as one without a length to get wrong", () => {
  const functions = Object.entries(core).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
  assert.equal(functions.sort(), [...guarded.map(({ name }) => name), ...others].sort());
});

const right = (one: Guarded): Record<string, Uint8Array> =>
  Object.fromEntries(Object.entries(one.lengths).map(([name, length]) => [name, new Uint8Array(length).fill(9)]));

for (const one of guarded) {
  test(`${one.name}: a wrong length is named with what was expected and what came, and nothing is written`, () => {
    inModes(() => {
      one.call(right(one));
      fc.assert(
        fc.property(
          fc.constantFrom(...Object.keys(one.lengths)),
          fc.nat(one.name === "hkdf" ? 9000 : 200),
          fc.nat(64),
          (wrong, length, offset) => {
            fc.pre(length !== one.lengths[wrong] && !one.fits?.[wrong]?.(length));
            const given = right(one);
            // Within a longer buffer, so that only the view is too short.
            given[wrong] = new Uint8Array(offset * 4 + length + 200).fill(9).subarray(offset * 4, offset * 4 + length);
            let message = "";
            try {
              one.call(given);
            } catch (error) {
              message = (error as Error).message;
            }
            // A length that belongs to another argument's is told of either.
            assert.match(message, /^(\w+): expected (a multiple of )?\d+( to \d+)? bytes( or more)?, got \d+$/);
            assert.ok(Object.keys(one.lengths).includes(message.split(":")[0]), message);
            for (const bytes of Object.values(given)) assert.ok(bytes.every((byte) => byte === 9));
          },
        ),
        { numRuns: 12 },
      );
    });
  });

  test(`${one.name}: a buffer that was given away has no bytes, and is named`, () => {
    for (const name of Object.keys(one.lengths)) {
      if (one.fits?.[name]?.(0)) continue;
      const given = right(one);
      structuredClone(given[name].buffer, { transfer: [given[name].buffer as ArrayBuffer] });
      assert.throws(() => one.call(given), /^\w+: expected .* bytes( or more)?, got \d+$|^Error: \w+: expected .*got \d+/);
    }
  });
}

test("what is written never overlaps what is still to be read, and an index is whole and exact", () => {
  const memory = new Uint8Array(300);
  const key = new Uint8Array(16);
  assert.throws(() => {
    core.aesCbc(memory.subarray(8, 56), key, key, memory.subarray(0, 48), false);
  }, /out: expected memory apart from data, got an overlap from byte 8 of it on/);
  core.aesCbc(memory.subarray(0, 48), key, key, memory.subarray(0, 48), false);
  core.aesCbc(memory.subarray(0, 48), key, key, memory.subarray(0, 48), true);
  assert.ok(memory.every((byte) => byte === 0));
  const stream = begun();
  assert.throws(
    () => core.streamOpenChunk(stream, 0, false, memory.subarray(0, 80), memory.subarray(1, 65)),
    /out: expected memory apart from sealed/,
  );
  for (const index of [-1, 0.5, NaN, 2 ** 53])
    assert.throws(
      () => core.streamOpenChunk(stream, index, false, memory.subarray(0, 80), new Uint8Array(64)),
      /index: expected a whole number from 0 to \d+, got/,
    );
  core.streamWipe(stream);
  assert.throws(
    () => core.streamOpenChunk(stream, 0, false, memory.subarray(0, 80), new Uint8Array(64)),
    /stream: expected one that streamStart has begun/,
  );
});

test.run();
