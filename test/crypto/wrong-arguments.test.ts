import fc from "../generate.js";
import * as assert from "uvu/assert";
import * as core from "../../src/core/index.js";
import { suite } from "../suite.js";
import { inModes } from "./support.js";

/** Numbers out of range and arguments of another kind at what `leyden/core` exports: an error names the argument, what was expected and what came. */
const test = suite("Wrong arguments");

const bytes = (length: number) => new Uint8Array(length).fill(9);
const parts = [bytes(3), bytes(4)];
const suites = [core.suite1, core.suite2];
const fields = { suite: 1, chunkSize: 64, contentId: bytes(16), titleKeyVersion: 1, salt: bytes(16) };
const header = bytes(core.HEADER_LENGTH);
core.headerEncode(header, fields);
const sealed = core.sealContent(core.suite1, header, bytes(32), bytes(70));
const begun = (): core.Stream => {
  const stream = core.createStream(suites, 64);
  assert.ok(core.streamStart(stream, header, bytes(32)));
  return stream;
};
const flowing = (): core.Flow => {
  const flow = core.createFlow(suites, 64);
  assert.ok(core.flowStart(flow, true, header, bytes(32)));
  return flow;
};
const fill = (out: Uint8Array) => out.forEach((_, i) => (out[i] = (i * 37) & 255));
const yes = () => true;

/** Every function with its arguments, by name and all right. A name with "?" takes any kind, since what counts is whether it is true. */
const calls: Record<string, () => Record<string, unknown>> = {
  adoptNatives: () => ({ offered: {} }),
  aesCbc: () => ({ out: bytes(32), key: bytes(16), iv: bytes(16), data: bytes(32), "decrypt?": false }),
  crc32: () => ({ bytes: bytes(9) }),
  createFlow: () => ({ suites, chunkSize: 64 }),
  createStream: () => ({ suites, chunkSize: 64 }),
  ed25519PublicKey: () => ({ out: bytes(32), seed: bytes(32) }),
  ed25519Sign: () => ({ out: bytes(64), seed: bytes(32), parts }),
  ed25519Verify: () => ({ signature: bytes(64), parts, key: bytes(32) }),
  ed25519VerifyStart: () => ({ signature: bytes(64), parts, key: bytes(32) }),
  ed25519VerifyStep: () => ({}),
  equal: () => ({ a: bytes(3), b: bytes(3) }),
  flowEnd: () => ({ flow: flowing() }),
  flowRead: () => ({ flow: flowing(), out: bytes(9) }),
  flowStart: () => ({ flow: flowing(), "sealing?": true, header, titleKey: bytes(32) }),
  flowWipe: () => ({ flow: flowing() }),
  flowWrite: () => ({ flow: flowing(), bytes: bytes(9) }),
  get16: () => ({ bytes: bytes(9), offset: 7 }),
  get32: () => ({ bytes: bytes(9), offset: 5 }),
  headerChunkSize: () => ({ bytes: header }),
  headerContentId: () => ({ bytes: header }),
  headerEncode: () => ({ out: bytes(48), header: fields }),
  headerFits: () => ({ bytes: header }),
  headerSuite: () => ({ bytes: header }),
  headerTitleKeyVersion: () => ({ bytes: header }),
  hkdf: () => ({ out: bytes(40), salt: bytes(5), ikm: bytes(5), info: bytes(5) }),
  hmac: () => ({ out: bytes(32), key: bytes(5), parts }),
  hmacPrepare: () => ({ pads: bytes(128), key: bytes(5) }),
  hmacPrepared: () => ({ out: bytes(32), pads: bytes(128), parts }),
  isZero: () => ({ bytes: bytes(3) }),
  open: () => ({ out: bytes(4), key: bytes(32), ad: bytes(3), sealed: bytes(20) }),
  openContent: () => ({ suites, titleKey: bytes(32), sealed }),
  put16: () => ({ bytes: bytes(9), offset: 7, value: 65535 }),
  put32: () => ({ bytes: bytes(9), offset: 5, value: 4294967295 }),
  randomFill: () => ({ out: bytes(5) }),
  randomSeed: () => ({ seed: bytes(32) }),
  randomStart: () => ({ entropy: fill, quality: 2, state: bytes(32), save: yes }),
  seal: () => ({ out: bytes(20), key: bytes(32), ad: bytes(3), plain: bytes(4) }),
  sealContent: () => ({ suite: core.suite1, header, titleKey: bytes(32), plain: bytes(70) }),
  sealedLength: () => ({ length: 70, chunkSize: 64, suite: core.suite1 }),
  selftest: () => ({ offered: {}, print: yes, milliseconds: () => 0 }),
  sha256: () => ({ out: bytes(32), parts }),
  sha512: () => ({ out: bytes(64), parts }),
  streamChunks: () => ({ stream: begun(), length: 100 }),
  streamOpenChunk: () => ({ stream: begun(), index: 0, "last?": false, sealed: bytes(80), out: bytes(64) }),
  streamSealChunk: () => ({ stream: begun(), index: 0, "last?": false, plain: bytes(64), out: bytes(80) }),
  streamStart: () => ({ stream: begun(), header, titleKey: bytes(32) }),
  streamWipe: () => ({ stream: begun() }),
  x25519: () => ({ out: bytes(32), scalar: bytes(32), point: bytes(32) }),
  x25519Base: () => ({ out: bytes(32), scalar: bytes(32) }),
  x25519Start: () => ({ out: bytes(32), scalar: bytes(32), point: bytes(32) }),
  x25519Step: () => ({}),
};

const run = (name: string, given: Record<string, unknown>): unknown =>
  (core as unknown as Record<string, (...all: unknown[]) => unknown>)[name](...Object.values(given));

/** The error of a call, or a failed test where there is none or it comes from inside. */
function refusal(name: string, given: Record<string, unknown>): string {
  try {
    run(name, given);
  } catch (error) {
    assert.is((error as Error).constructor, Error, `${name}: ${String(error)}`);
    return (error as Error).message;
  }
  return assert.unreachable(`${name} took it`) as never;
}

const isWholeNumber = (value: unknown) => typeof value === "number";

test("every exported function is tried", () => {
  const functions = Object.entries(core).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
  assert.equal(functions.sort(), Object.keys(calls).sort());
});

test("an argument of another kind, or none, is named with what was expected and what came", () => {
  const kinds = ["undefined", "null", "true", "a string", "a function", "an object", "another array", "7.5"] as const;
  const values: Record<(typeof kinds)[number], unknown> = {
    undefined: undefined,
    null: null,
    true: true,
    "a string": "x".repeat(32),
    "a function": yes,
    "an object": {},
    "another array": new Float64Array(32),
    "7.5": 7.5,
  };
  inModes(() => {
    for (const [name, right] of Object.entries(calls)) {
      run(name, right());
      for (const argument of Object.keys(right()).filter((one) => !one.endsWith("?")))
        for (const kind of kinds) {
          const given = right();
          if (typeof given[argument] === typeof values[kind] && !ArrayBuffer.isView(given[argument]) && !isWholeNumber(given[argument]))
            continue;
          given[argument] = values[kind];
          const message = refusal(name, given);
          const where = `${name}(${argument}: ${kind}): ${message}`;
          assert.ok(message.endsWith(`, got ${kind}`) || /got (another array|7\.5)$/.test(message), where);
          assert.ok(message.startsWith(`${argument}: expected `) || message.startsWith(`${argument}[0]: expected `), where);
        }
    }
  });
  core.adoptNatives({});
});

test("a number that is no whole number of its range is named, and nothing is written", () => {
  const ranges: [name: string, argument: string, least: number, most: number][] = [
    ["get16", "offset", 0, 7],
    ["get32", "offset", 0, 5],
    ["put16", "offset", 0, 7],
    ["put32", "offset", 0, 5],
    ["put16", "value", 0, 65535],
    ["put32", "value", 0, 4294967295],
    ["createStream", "chunkSize", 1, 65535],
    ["createFlow", "chunkSize", 1, 65535],
    ["sealedLength", "chunkSize", 1, 65535],
    ["sealedLength", "length", 0, 2 ** 53 - 1],
    ["streamChunks", "length", 0, 2 ** 53 - 1],
    ["streamSealChunk", "index", 0, 2 ** 53 - 1],
    ["streamOpenChunk", "index", 0, 2 ** 53 - 1],
    ["randomStart", "quality", 0, 2],
    ["headerEncode", "suite", 1, 2],
    ["headerEncode", "chunkSize", 1, 65535],
    ["headerEncode", "titleKeyVersion", 0, 65535],
  ];
  const with_ = (name: string, argument: string, value: number): Record<string, unknown> => {
    const given = calls[name]();
    if (name === "headerEncode") return { ...given, header: { ...fields, [argument]: value } };
    return { ...given, [argument]: value };
  };
  for (const [name, argument, least, most] of ranges) {
    for (const value of [least, most]) run(name, with_(name, argument, value));
    const wrong = fc.oneof(
      fc.constantFrom(NaN, Infinity, -Infinity, least - 1, most + 1, most + 65536, least + 0.5, 2 ** 53, 2 ** 64),
      fc.double().filter((value) => !(Number.isInteger(value) && value >= least && value <= most)),
    );
    fc.assert(
      fc.property(wrong, (value) => {
        const given = with_(name, argument, value);
        assert.is(
          refusal(name, given),
          `${argument}: expected a whole number from ${String(least)} to ${String(most)}, got ${String(value)}`,
        );
        for (const memory of Object.values(given))
          if (memory instanceof Uint8Array && memory !== header) assert.ok(memory.every((byte) => byte === 9));
      }),
      { numRuns: 40 },
    );
  }
});

test("no room for the integer, no suite, no header and a state of another length have words of their own", () => {
  const message = (name: string, change: Record<string, unknown>) => refusal(name, { ...calls[name](), ...change });
  assert.is(message("get32", { bytes: bytes(3), offset: 0 }), "bytes: expected 4 bytes or more, got 3");
  assert.is(message("createStream", { suites: [] }), "suites: expected an array of one suite or more, such as [suite1], got another array");
  assert.is(message("createStream", { suites: [core.suite1, 5] }), "suites[1]: expected a suite, such as suite1, got 5");
  assert.is(message("sha256", { parts: [bytes(1), [1, 2]] }), "parts[1]: expected a Uint8Array, got another array");
  assert.is(message("randomStart", { state: bytes(5) }), "state: expected 32 bytes, got 5");
  assert.is(message("sealContent", { header: bytes(48) }), "header: expected one that headerEncode has written, got other bytes");
  assert.is(message("sealContent", { suite: core.suite2 }), "header: expected one of suite 2, got suite 1");
  assert.is(
    message("hmacPrepare", { pads: bytes(132).subarray(3, 131) }),
    "pads: expected memory whose byteOffset is a multiple of 4, got 3",
  );
  assert.is(message("adoptNatives", { offered: { collect: 1 } }), "offered.collect: expected a function, got 1");
  core.adoptNatives({});
});

test("what is written never overlaps what is still to be read: seal, open, HKDF and signing", () => {
  const memory = bytes(200);
  const at = (from: number, length: number) => memory.subarray(from, from + length);
  const message = (name: string, change: Record<string, unknown>) => refusal(name, { ...calls[name](), ...change });
  assert.match(message("hkdf", { out: at(0, 40), info: at(39, 5) }), /^out: expected memory apart from info, got an overlap/);
  assert.match(
    message("ed25519Sign", { out: at(0, 64), parts: [bytes(1), at(60, 9)] }),
    /^out: expected memory apart from parts\[1\], got an overlap/,
  );
  assert.match(
    message("seal", { out: at(0, 20), plain: at(15, 4) }),
    /^out from byte 16 on: expected memory apart from plain, got an overlap/,
  );
  assert.match(message("open", { out: at(0, 4), sealed: at(0, 20), ad: at(3, 3) }), /^out: expected memory apart from ad, got an overlap/);
  assert.match(
    message("open", { out: at(17, 4), sealed: at(0, 20) }),
    /^out: expected memory apart from sealed from byte 16 on, got an overlap/,
  );
  assert.ok(memory.every((byte) => byte === 9));
  core.seal(at(0, 20), bytes(32), bytes(3), at(16, 4));
  assert.ok(core.open(at(16, 4), bytes(32), bytes(3), at(0, 20)));
  assert.ok(memory.subarray(16).every((byte) => byte === 9));
});

test("bytes that are no content are refused, never an error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (stranger) => {
      assert.is(core.openContent(suites, bytes(32), stranger), undefined);
    }),
  );
  const zeroChunks = sealed.slice();
  zeroChunks.fill(0, 6, 8);
  assert.is(core.openContent(suites, bytes(32), zeroChunks), undefined);
});

test.run();
