import fc from "../generate.js";
import * as assert from "uvu/assert";
import { aesCbc } from "../../src/core/hash/aes.js";
import { crc32 } from "../../src/core/hash/crc32.js";
import { hkdf } from "../../src/core/hash/hkdf.js";
import { hmac } from "../../src/core/hash/hmac.js";
import { sha256 } from "../../src/core/hash/sha256.js";
import { sha512 } from "../../src/core/hash/sha512.js";
import { suite } from "../suite.js";
import { cbc, seal } from "./reference/aead.js";
import * as reference from "./reference/sha2.js";
import { hex, inModes, text, unhex } from "./support.js";

const test = suite("Hashes");
const sha256Of = (...parts: Uint8Array[]) => {
  const out = new Uint8Array(32);
  sha256(out, parts);
  return hex(out);
};
const sha512Of = (...parts: Uint8Array[]) => {
  const out = new Uint8Array(64);
  sha512(out, parts);
  return hex(out);
};

test("SHA-256 and SHA-512 of FIPS 180-4's examples", () => {
  inModes(() => {
    assert.is(sha256Of(text("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert.is(
      sha256Of(text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    );
    assert.is(sha256Of(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert.is(
      sha512Of(text("abc")),
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    );
  });
});

test("lengths around the block borders, in any parts, agree with the readable reference", () => {
  for (const length of [0, 1, 55, 56, 57, 63, 64, 65, 111, 112, 113, 119, 127, 128, 129, 200]) {
    const message = Uint8Array.from({ length }, (_, i) => i * 37 + length);
    const expected256 = hex(reference.sha256(message));
    const expected512 = hex(reference.sha512(message));
    inModes(() => {
      for (const cut of [0, 1, length >> 1, length]) {
        assert.is(sha256Of(message.subarray(0, cut), message.subarray(cut)), expected256);
        assert.is(sha512Of(message.subarray(0, cut), message.subarray(cut)), expected512);
      }
    });
  }
});

test("HMAC of RFC 4231, HKDF of RFC 5869, and both against the reference", () => {
  const out = new Uint8Array(32);
  inModes(() => {
    hmac(out, text("Jefe"), [text("what do ya want "), text("for nothing?")]);
    assert.is(hex(out), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    const okm = new Uint8Array(42);
    hkdf(okm, unhex("000102030405060708090a0b0c"), new Uint8Array(22).fill(11), unhex("f0f1f2f3f4f5f6f7f8f9"));
    assert.is(hex(okm), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  });
  const bytes = fc.uint8Array({ maxLength: 140 });
  fc.assert(
    fc.property(bytes, bytes, fc.integer({ min: 0, max: 100 }), (key, message, length) => {
      hmac(out, key, [message]);
      assert.is(hex(out), hex(reference.hmac(key, message)));
      const okm = new Uint8Array(length);
      hkdf(okm, key, message, key);
      assert.is(hex(okm), hex(reference.hkdf(key, message, key, length)));
    }),
    { numRuns: 30 },
  );
});

test("HMAC may write over its key or a part", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  const expected = hex(reference.hmac(key, key));
  hmac(key, key, [key]);
  assert.is(hex(key), expected);
});

test("AES-128-CBC of SP 800-38A F.2.1, FIPS 197's example, and the reference both ways", () => {
  const key = unhex("2b7e151628aed2a6abf7158809cf4f3c");
  const iv = unhex("000102030405060708090a0b0c0d0e0f");
  const plain = unhex("6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51");
  inModes(() => {
    const out = new Uint8Array(32);
    aesCbc(out, key, iv, plain, false);
    assert.is(hex(out), "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
    const back = new Uint8Array(32);
    aesCbc(back, key, iv, out, true);
    assert.is(hex(back), hex(plain));
    aesCbc(
      out.subarray(0, 16),
      unhex("000102030405060708090a0b0c0d0e0f"),
      new Uint8Array(16),
      unhex("00112233445566778899aabbccddeeff"),
      false,
    );
    assert.is(hex(out.subarray(0, 16)), "69c4e0d86a7b0430d8cdb78070b4c55a");
  });
  const block = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(block, block, fc.uint8Array({ minLength: 48, maxLength: 48 }), (k, v, data) => {
      const out = new Uint8Array(48);
      for (const decrypt of [false, true]) {
        aesCbc(out, k, v, data, decrypt);
        assert.is(hex(out), hex(cbc(k, v, data, decrypt)));
      }
    }),
    { numRuns: 20 },
  );
});

test("the reference of AEAD_AES_128_CBC_HMAC_SHA_256 is RFC 7518's, B.1", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i);
  const plain = text(
    "A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy without inconvenience",
  );
  const sealed = seal(key, unhex("1af38c2dc2b96ffdd86694092341bc04"), text("The second principle of Auguste Kerckhoffs"), plain);
  assert.is(
    hex(sealed),
    "c80edfa32ddf39d5ef00c0b468834279a2e46a1b8049f792f76bfe54b903a9c9a94ac9b47ad2655c5f10f9aef71427e2fc6f9b3f399a221489f16362c7032336" +
      "09d45ac69864e3321cf82935ac4096c86e133314c54019e8ca7980dfa4b9cf1b384c486f3a54c51078158ee5d79de59fbd34d848b3d69550a67646344427ade5" +
      "4b8851ffb598f7f80074b9473c82e2db652c3fa36b0a7c5b3219fab3a30bc1c4",
  );
});

test("CRC-32 check value, and its native form", () => {
  inModes(() => {
    assert.is(crc32(text("123456789")), 0xcbf43926);
    assert.is(crc32(new Uint8Array(0)), 0);
  });
});

test("wrong lengths are named", () => {
  assert.throws(() => sha256(new Uint8Array(31), []), /out: expected 32 bytes, got 31/);
  assert.throws(() => sha512(new Uint8Array(65), []), /out: expected 64 bytes, got 65/);
});

test.run();
