/**
 * Known answers of everything that firmware computes, one line each with its time. Run first on a new board or engine; also what the
 * benchmarks use. It needs nothing but a clock and somewhere to print.
 */
import { equal } from "./bytes.js";
import { crc32 } from "./hash/crc32.js";
import { hkdf } from "./hash/hkdf.js";
import { hmac } from "./hash/hmac.js";
import { sha256 } from "./hash/sha256.js";
import { sha512 } from "./hash/sha512.js";
import { REFUSED_AES, REFUSED_CONVOLVE, REFUSED_CRC32, REFUSED_SHA256, REFUSED_SHA512, adoptNatives } from "./adopt.js";
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

/** FIPS 180-4 examples, RFC 4231 test case 2, RFC 5869 test case 1, and the check value of CRC-32. */
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
