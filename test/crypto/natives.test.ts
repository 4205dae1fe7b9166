import { createHash } from "node:crypto";
import * as assert from "uvu/assert";
import { x25519 } from "../../src/core/curve/curve.js";
import { sha256 } from "../../src/core/hash/sha256.js";
import { adoptNatives } from "../../src/core/adopt.js";
import { natives, type Natives } from "../../src/core/natives.js";
import { nodeNatives } from "../../src/host/natives-node.js";
import { suite } from "../suite.js";
import { cbc } from "./reference/aead.js";
import { convolve, hex, text } from "./support.js";

const test = suite("Natives");
const all: Natives = { ...nodeNatives, crc32: () => 0xcbf43926, convolve };
const flip = (bytes: ArrayBuffer | undefined, at: number) =>
  new Uint8Array(bytes ?? new ArrayBuffer(0)).map((byte, i) => (i === at ? byte ^ 1 : byte)).buffer;

test("what answers right is installed, also one after another; nothing offered leaves nothing", () => {
  assert.is(adoptNatives(all), 0);
  assert.is(natives.sha256, all.sha256);
  assert.is(natives.convolve, convolve);
  assert.is(adoptNatives({ sha512: all.sha512 }), 0);
  assert.is(natives.sha256, undefined);
  assert.is(natives.sha512, all.sha512);
  assert.is(adoptNatives({}), 0);
  assert.is(natives.sha512, undefined);
});

const bad: [string, number, Partial<Natives>][] = [
  ["SHA-256 with one wrong byte", 1, { sha256: (parts) => flip(nodeNatives.sha256?.(parts), 31) }],
  ["SHA-256 of the first part only", 1, { sha256: (parts) => nodeNatives.sha256?.([parts[0]]) ?? new ArrayBuffer(32) }],
  [
    "SHA-256 that throws",
    1,
    {
      sha256: () => {
        throw new Error("no such function");
      },
    },
  ],
  ["SHA-256 that answers nothing", 1, { sha256: (() => undefined) as unknown as Natives["sha256"] }],
  ["SHA-512 with one wrong byte", 2, { sha512: (parts) => flip(nodeNatives.sha512?.(parts), 40) }],
  [
    "AES that ignores the iv",
    4,
    {
      aesCbcEncrypt: (data, key) => nodeNatives.aesCbcEncrypt?.(data, key, { iv: new Uint8Array(16) }) ?? new ArrayBuffer(0),
      aesCbcDecrypt: nodeNatives.aesCbcDecrypt,
    },
  ],
  ["AES that decrypts wrong", 4, { aesCbcEncrypt: nodeNatives.aesCbcEncrypt, aesCbcDecrypt: (data) => data.slice().buffer }],
  ["AES one way only", 4, { aesCbcEncrypt: nodeNatives.aesCbcEncrypt, aesCbcDecrypt: undefined }],
  ["an inner product in single precision", 8, { convolve: (a, b, shift) => Math.fround(convolve(a, b, shift)) }],
  [
    "an inner product that does not wrap round",
    8,
    { convolve: (a, b, shift) => Array.from(a).reduce((sum, value, i) => sum + value * (b[shift + i] ?? 0), 0) },
  ],
  ["an inner product that turns the other way", 8, { convolve: (a, b, shift) => convolve(a, b.slice().reverse(), shift) }],
  ["an inner product of doubles only", 8, { convolve: (a, b, shift) => (a instanceof Int32Array ? 0 : convolve(a, b, shift)) }],
  ["an inner product of integers only", 8, { convolve: (a, b, shift) => (a instanceof Int32Array ? convolve(a, b, shift) : 0) }],
  ["CRC-32 as a signed number", 16, { crc32: () => 0xcbf43926 | 0 }],
];

const bytes = (length: number, first: number) => Uint8Array.from({ length }, (_, i) => i * 7 + first);

for (const [name, bit, wrong] of bad) {
  test(`${name}: refused, named, and core's own code answers in its place`, () => {
    assert.is(adoptNatives({ ...all, ...wrong }), bit);
    assert.is(natives.refused, bit);
    const offered = { ...all, ...wrong };
    const members = ["sha256", "sha512", "aesCbcEncrypt", "convolve", "crc32"] as const;
    members.forEach((member, i) => {
      assert.is(natives[member] !== offered[member], bit === 1 << i, member);
    });
    const out = new Uint8Array(32);
    sha256(out, [text("abc")]);
    assert.is(hex(out), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const [key, iv, data] = [bytes(16, 1), bytes(16, 2), bytes(48, 3)];
    const parts = [bytes(100, 5), bytes(33, 9).buffer];
    const digest = (algorithm: string) => createHash(algorithm).update(bytes(100, 5)).update(bytes(33, 9)).digest("hex");
    assert.is(hex(new Uint8Array(natives.sha256?.(parts) ?? [])), digest("sha256"));
    assert.is(hex(new Uint8Array(natives.sha512?.(parts) ?? [])), digest("sha512"));
    const sealed = new Uint8Array(natives.aesCbcEncrypt?.(data, key, { iv: iv.buffer }) ?? []);
    assert.is(hex(sealed), hex(cbc(key, iv, data, false)));
    assert.is(hex(new Uint8Array(natives.aesCbcDecrypt?.(sealed, key, { iv }) ?? [])), hex(data));
    const [a, b] = [new Float64Array([3, -5, 7]), new Float64Array([2, 11, -13, 17])];
    assert.is(natives.convolve?.(a, b, 2), convolve(a, b, 2));
    assert.is(natives.crc32?.(text("123456789")), 0xcbf43926);
    const [expected, shared] = [new Uint8Array(32), new Uint8Array(32)];
    x25519(shared, bytes(32, 4), bytes(32, 6).fill(0, 31));
    adoptNatives({});
    x25519(expected, bytes(32, 4), bytes(32, 6).fill(0, 31));
    assert.is(hex(shared), hex(expected));
    assert.is(natives.refused, 0);
  });
}

test.run();
