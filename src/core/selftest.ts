/**
 * Known answers of everything that firmware computes, one line each with its time. Run first on a new board or engine; also what the
 * benchmarks use. It needs nothing but a clock and somewhere to print.
 */
import { expectFunction } from "./check.js";
import { equal } from "./bytes.js";
import { ed25519Verify, x25519 } from "./curve/curve.js";
import { crc32 } from "./hash/crc32.js";
import { hkdf } from "./hash/hkdf.js";
import { hmac } from "./hash/hmac.js";
import { sha256 } from "./hash/sha256.js";
import { sha512 } from "./hash/sha512.js";
import { REFUSED_AES, REFUSED_CONVOLVE, REFUSED_CRC32, REFUSED_SHA256, REFUSED_SHA512, adoptNatives } from "./adopt.js";
import { createStream, streamOpenChunk, streamStart, type Suite } from "./stream/stream.js";
import { suite1 } from "./stream/suite1.js";
import { suite2 } from "./stream/suite2.js";
import { natives, type Natives } from "./natives.js";

/** Bytes of a string of hexadecimal digits, two a byte. */
export function fromHex(text: string): Uint8Array {
  const out = new Uint8Array(text.length >> 1);
  let i = 0;
  let code = 0;
  for (i = 0; i < text.length; i++) {
    code = text.charCodeAt(i);
    out[i >> 1] = (out[i >> 1] << 4) | (code > 57 ? code - 87 : code - 48);
  }
  return out;
}

/** Bytes of an ASCII string. */
function ascii(text: string): Uint8Array {
  const out = new Uint8Array(text.length);
  let i = 0;
  for (i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out;
}

/** One known answer: what is computed, and whether it came out right. */
interface Answer {
  name: string;
  run(): boolean;
}

function digestIs(length: number, expected: string, compute: (out: Uint8Array) => void): boolean {
  const out = new Uint8Array(length);
  compute(out);
  return equal(out, fromHex(expected));
}

/** Opens both chunks of the content in docs/format.md, "The Leyden jar was the first capacitor.", and refuses it with one bit changed. */
function opens(suite: Suite, header: string, content: string): boolean {
  const stream = createStream([suite], 32);
  const titleKey = new Uint8Array(32);
  const sealed = fromHex(content);
  const first = suite.sealedChunk(32);
  const clear = new Uint8Array(64);
  let length = 0;
  let i = 0;
  for (i = 0; i < 32; i++) titleKey[i] = i;
  if (!streamStart(stream, fromHex(header), titleKey) || streamOpenChunk(stream, 0, false, sealed.subarray(0, first), clear) !== 32)
    return false;
  length = streamOpenChunk(stream, 1, true, sealed.subarray(first), clear.subarray(32));
  sealed[first] ^= 1;
  return (
    length === 7 &&
    equal(clear.subarray(0, 39), ascii("The Leyden jar was the first capacitor.")) &&
    streamOpenChunk(stream, 1, true, sealed.subarray(first), clear.subarray(32)) === -1
  );
}

/** FIPS 180-4 examples, RFC 4231 test case 2, RFC 5869 test case 1, RFC 7748 5.2, RFC 8032 7.1 test 2, the check value of CRC-32, and the format's vectors. */
const answers: Answer[] = [
  {
    name: "crc32",
    run: function () {
      return crc32(ascii("123456789")) === 3421780262;
    },
  },
  {
    name: "sha256",
    run: function () {
      return digestIs(32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", function (out) {
        sha256(out, [ascii("a"), ascii("bc")]);
      });
    },
  },
  {
    name: "sha512",
    run: function () {
      return digestIs(
        64,
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        function (out) {
          sha512(out, [ascii("ab"), ascii("c")]);
        },
      );
    },
  },
  {
    name: "hmac",
    run: function () {
      return digestIs(32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", function (out) {
        hmac(out, ascii("Jefe"), [ascii("what do ya want "), ascii("for nothing?")]);
      });
    },
  },
  {
    name: "hkdf",
    run: function () {
      return digestIs(42, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865", function (out) {
        hkdf(
          out,
          fromHex("000102030405060708090a0b0c"),
          fromHex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
          fromHex("f0f1f2f3f4f5f6f7f8f9"),
        );
      });
    },
  },
  {
    name: "x25519",
    run: function () {
      return digestIs(32, "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552", function (out) {
        x25519(
          out,
          fromHex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
          fromHex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
        );
      });
    },
  },
  {
    name: "ed25519",
    run: function () {
      const key = fromHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
      const signature = fromHex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
      );
      if (!ed25519Verify(signature, [fromHex("72")], key)) return false;
      // Refused before any arithmetic: S is not below the order.
      signature[63] |= 240;
      return !ed25519Verify(signature, [fromHex("72")], key);
    },
  },
  {
    name: "suite 1",
    run: function () {
      return opens(
        suite1,
        "4c45594401010020202122232425262728292a2b2c2d2e2f0001404142434445464748494a4b4c4d4e4f000000000000",
        "b9195ea077f3b9562d1d8a596761ef5fd2f41d411d28cf7490dd260a018a6a891ec8af9f06731dc75fee0d1fd99f7aea35f48312b8f03e5ae2530bb4a799c16367af0236f1b54c",
      );
    },
  },
  {
    name: "suite 2",
    run: function () {
      return opens(
        suite2,
        "4c45594401020020202122232425262728292a2b2c2d2e2f0001404142434445464748494a4b4c4d4e4f000000000000",
        "bf81eb734f145a890fbee8d6e7140a523dc3dff588785ba3372fbed094a943ba94f4ed7a9da7cdba4cb279b917841ae96259558573a7b29f9d6c36f87215790e879debe46f04637d6fedacb7962f1c09794f1ea27062f3d4b3f1a49b536f4496",
      );
    },
  },
];

/** One line about a native primitive: in use, refused for a wrong answer, or not offered. */
function nativeLine(name: string, present: boolean, refused: number): string {
  return "native " + name + (present ? " in use" : refused ? " REFUSED: it answers wrong; own code runs" : " absent");
}

/**
 * Runs every known answer with `offered` natives. Each prints "ok NAME N ms" or "FAILED NAME"; the last line counts them.
 *
 * @returns how many failed
 */
export function selftest(offered: Natives, print: (line: string) => void, milliseconds: () => number): number {
  expectFunction("print", print);
  expectFunction("milliseconds", milliseconds);
  const refused = adoptNatives(offered);
  let failed = 0;
  let start = 0;
  let right = false;
  let i = 0;
  print(nativeLine("sha256", !!natives.sha256, refused & REFUSED_SHA256));
  print(nativeLine("sha512", !!natives.sha512, refused & REFUSED_SHA512));
  print(nativeLine("aes", !!natives.aesCbcDecrypt, refused & REFUSED_AES));
  print(nativeLine("convolve", !!natives.convolve, refused & REFUSED_CONVOLVE));
  print(nativeLine("crc32", !!natives.crc32, refused & REFUSED_CRC32));
  for (i = 0; i < answers.length; i++) {
    start = milliseconds();
    right = answers[i].run();
    if (!right) failed++;
    print((right ? "ok " : "FAILED ") + answers[i].name + " " + Math.floor(milliseconds() - start) + " ms");
  }
  print("self-test: " + (answers.length - failed) + " passed, " + failed + " failed");
  return failed;
}
