import fc from "../generate.js";
import * as assert from "uvu/assert";
import { SEAL_OVERHEAD, open, seal } from "../../src/core/seal.js";
import { suite } from "../suite.js";
import { hmac } from "./reference/sha2.js";
import { hex, inModes, text } from "./support.js";

const test = suite("Seal");
const key = Uint8Array.from({ length: 32 }, (_, i) => i + 1);

function byReference(k: Uint8Array, ad: Uint8Array, plain: Uint8Array): Uint8Array {
  const number = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  const tag = hmac(k, Uint8Array.from([1, ...number(ad.length), ...ad, ...plain])).subarray(0, 16);
  const stream: number[] = [];
  for (let i = 0; stream.length < plain.length; i++) stream.push(...hmac(k, Uint8Array.from([2, ...tag, ...number(i)])));
  return Uint8Array.from([...tag, ...plain.map((byte, i) => byte ^ stream[i])]);
}

test("agrees with its definition, opens, and works in place", () => {
  const bytes = fc.uint8Array({ maxLength: 100 });
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), bytes, bytes, (k, ad, plain) => {
      inModes(() => {
        const sealed = new Uint8Array(plain.length + SEAL_OVERHEAD);
        sealed.set(plain, 16);
        seal(sealed, k, ad, sealed.subarray(16));
        assert.is(hex(sealed), hex(byReference(k, ad, plain)));
        assert.ok(open(sealed.subarray(16), k, ad, sealed));
        assert.is(hex(sealed.subarray(16)), hex(plain));
      });
    }),
    { numRuns: 30 },
  );
});

test("every changed bit, other data, other key, and every shorter length is refused and wiped", () => {
  const sealed = byReference(key, text("ad"), text("forty bytes of plaintext, more than one."));
  const out = new Uint8Array(sealed.length - 16);
  for (let at = 0; at < 8 * sealed.length; at++) {
    const changed = sealed.slice();
    changed[at >> 3] ^= 1 << (at & 7);
    assert.not(open(out, key, text("ad"), changed));
    assert.ok(out.every((byte) => byte === 0));
  }
  assert.not(open(out, key, text("ae"), sealed));
  assert.not(open(out, key, text("a"), sealed));
  assert.not(
    open(
      out,
      key.map((byte) => byte ^ 1),
      text("ad"),
      sealed,
    ),
  );
  for (let length = 0; length < sealed.length; length++) {
    assert.not(open(new Uint8Array(Math.max(0, length - 16)), key, text("ad"), sealed.subarray(0, length)));
  }
  assert.ok(open(out, key, text("ad"), sealed));
});

test("wrong lengths are named", () => {
  assert.throws(() => seal(new Uint8Array(17), key, key, new Uint8Array(2)), /out: expected 18 bytes, got 17/);
  assert.throws(() => seal(new Uint8Array(18), key.subarray(1), key, new Uint8Array(2)), /key: expected 32 bytes, got 31/);
  assert.throws(() => open(new Uint8Array(3), key, key, new Uint8Array(18)), /out: expected 2 bytes, got 3/);
});

test.run();
