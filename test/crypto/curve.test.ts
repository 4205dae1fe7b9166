import fc from "../generate.js";
import nacl from "tweetnacl";
import * as assert from "uvu/assert";
import {
  ed25519PublicKey,
  ed25519Sign,
  ed25519Verify,
  ed25519VerifyStart,
  ed25519VerifyStep,
  x25519,
  x25519Base,
  x25519Start,
  x25519Step,
} from "../../src/core/curve/curve.js";
import { adoptNatives } from "../../src/core/adopt.js";
import { suite } from "../suite.js";
import * as reference from "./reference/curve25519.js";
import { convolve, hex, inModes, text, unhex } from "./support.js";

const test = suite("Curve");
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const shared = (scalar: Uint8Array, point: Uint8Array) => {
  const out = new Uint8Array(32);
  return x25519(out, scalar, point) ? hex(out) : "refused";
};
const little = (value: bigint) => reference.toBytes(value);

test("X25519 of RFC 7748, 5.2, once and 1,000 times", () => {
  inModes(() => {
    assert.is(
      shared(
        unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
        unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
      ),
      "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    );
    const out = new Uint8Array(32);
    x25519Base(out, unhex("77076d0a7318a57d3c16c17251b26645b3c5e3c9c2a2ba8e5a1d8eb7b3fe7c25"));
    assert.is(hex(out), hex(nacl.scalarMult.base(unhex("77076d0a7318a57d3c16c17251b26645b3c5e3c9c2a2ba8e5a1d8eb7b3fe7c25"))));
  });
  let k = unhex("0900000000000000000000000000000000000000000000000000000000000000");
  let u = k;
  for (let i = 0; i < 1000; i++) {
    const out = new Uint8Array(32);
    assert.ok(x25519(out, k, u));
    u = k;
    k = out;
    if (i === 0) assert.is(hex(k), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
  }
  assert.is(hex(k), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
});

test("X25519 agrees with tweetnacl and the reference on random inputs", () => {
  fc.assert(
    fc.property(bytes32, bytes32, (scalar, point) => {
      point[31] &= 127;
      const expected = hex(reference.x25519(scalar, point));
      assert.is(hex(nacl.scalarMult(scalar, point)), expected);
      inModes(() => assert.is(shared(scalar, point), expected));
    }),
    { numRuns: 25 },
  );
});

test("X25519 at the edges: limbs all ones, near the prime; small order and non-canonical points are refused", () => {
  const scalars = [new Uint8Array(32), new Uint8Array(32).fill(255), unhex("01".repeat(32)), unhex("aa".repeat(32))];
  const points = [
    2n,
    3n,
    9n,
    reference.P - 2n,
    reference.P - 3n,
    2n ** 254n,
    2n ** 254n - 1n,
    (2n ** 255n - 1n) / 3n,
    2n ** 22n - 1n,
    2n ** 234n,
  ];
  inModes(() => {
    for (const scalar of scalars) {
      for (const point of points) assert.is(shared(scalar, little(point)), hex(reference.x25519(scalar, little(point))));
      const small = [
        0n,
        1n,
        325606250916557431795983626356110631294008115727848805560023387167927233504n,
        39382357235489614581723060781553021112529911719440698176882885853963445705823n,
        reference.P - 1n,
      ];
      for (const point of small) assert.is(shared(scalar, little(point)), "refused");
      for (const point of [reference.P, reference.P + 1n, reference.P + 9n, 2n ** 255n - 1n, 2n ** 255n + 9n])
        assert.is(shared(scalar, little(point)), "refused");
    }
  });
});

test("X25519 in slices, over its own arguments, and started anew halfway", () => {
  inModes(() => {
    const scalar = unhex("77".repeat(32));
    const point = little(9n);
    const expected = hex(reference.x25519(scalar, point));
    const other = new Uint8Array(32);
    x25519Start(other, point, point);
    for (let i = 0; i < 100; i++) x25519Step();
    x25519Start(point, scalar, point);
    let steps = 1;
    while (!x25519Step()) steps++;
    assert.is(hex(point), expected);
    assert.is(hex(other), "00".repeat(32));
    assert.ok(steps > 250 && steps < 320, `${String(steps)} slices`);
  });
});

test("Ed25519 of RFC 8032, 7.1", () => {
  const seed = unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  const seed3 = unhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
  inModes(() => {
    const key = new Uint8Array(32);
    const signature = new Uint8Array(64);
    ed25519PublicKey(key, seed);
    assert.is(hex(key), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    ed25519Sign(signature, seed, []);
    assert.is(
      hex(signature),
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    );
    ed25519PublicKey(key, seed3);
    ed25519Sign(signature, seed3, [unhex("af"), unhex("82")]);
    assert.is(
      hex(signature),
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    );
    assert.ok(ed25519Verify(signature, [unhex("af82")], key));
  });
});

test("Ed25519 agrees with tweetnacl and the reference, and refuses every changed byte", () => {
  fc.assert(
    fc.property(bytes32, fc.uint8Array({ maxLength: 200 }), fc.nat(63), (seed, message, at) => {
      const pair = nacl.sign.keyPair.fromSeed(seed);
      const expected = nacl.sign.detached(message, pair.secretKey);
      inModes(() => {
        const signature = new Uint8Array(64);
        ed25519Sign(signature, seed, [message]);
        assert.is(hex(signature), hex(expected));
        assert.ok(ed25519Verify(signature, [message], pair.publicKey));
        signature[at] ^= 1 << (at & 7);
        assert.not(ed25519Verify(signature, [message], pair.publicKey));
      });
    }),
    { numRuns: 8 },
  );
  const seed = unhex("42".repeat(32));
  assert.is(hex(reference.sign(seed, text("x"))), hex(nacl.sign.detached(text("x"), nacl.sign.keyPair.fromSeed(seed).secretKey)));
});

test("Ed25519 refuses S + order, small-order keys and R, encodings that are not canonical, and other lengths", () => {
  const seed = unhex("42".repeat(32));
  const key = reference.publicKey(seed);
  const good = reference.sign(seed, text("m"));
  const message = [text("m")];
  const check = (signature: Uint8Array, publicKey: Uint8Array) => {
    assert.not(reference.verify(signature, text("m"), publicKey));
    assert.not(ed25519Verify(signature, message, publicKey));
  };
  inModes(() => {
    assert.ok(ed25519Verify(good, message, key));
    check(Uint8Array.from([...good.subarray(0, 32), ...little(reference.fromBytes(good.subarray(32)) + reference.L)]), key);
    for (const length of [0, 63, 65]) assert.not(ed25519Verify(new Uint8Array(length), message, key));
    assert.not(ed25519Verify(good, message, key.subarray(1)));
    // With a key of small order and R = S B, a verifier without the check accepts one message in a few.
    const small = ["0100", "ecff", "0000"].map((start) => (start === "ecff" ? little(reference.P - 1n) : unhex(start.padEnd(64, "0"))));
    for (const bad of small) {
      for (let s = 1n; s < 9n; s++) {
        const r = reference.encodePoint(reference.multiplyPoint(s, reference.BASE));
        check(Uint8Array.from([...r, ...little(s)]), bad);
      }
      check(Uint8Array.from([...bad, ...new Uint8Array(32)]), bad);
      check(Uint8Array.from([...bad, ...good.subarray(32)]), key);
    }
    // y = 1 written as 1 + p, and x = 0 with its sign set.
    check(good, little(reference.P + 1n));
    check(good, little(1n + (1n << 255n)));
    check(good, little(2n));
  });
});

test("Ed25519 in slices gives its verdict once, and again when asked again", () => {
  const seed = unhex("17".repeat(32));
  inModes(() => {
    ed25519VerifyStart(reference.sign(seed, text("slices")), [text("sli"), text("ces")], reference.publicKey(seed));
    let steps = 1;
    while (ed25519VerifyStep() === 0) steps++;
    assert.is(ed25519VerifyStep(), 1);
    assert.ok(steps > 300 && steps < 400, `${String(steps)} slices`);
  });
});

test("Ed25519 begun anew while a message is still being hashed, with messages around the ends of blocks", () => {
  const seed = unhex("23".repeat(32));
  const key = reference.publicKey(seed);
  inModes(() => {
    for (const length of [0, 47, 48, 63, 64, 65]) {
      const message = new Uint8Array(length).fill(length);
      const signature = new Uint8Array(64);
      ed25519Sign(signature, seed, [message]);
      ed25519VerifyStart(signature, [new Uint8Array(300)], key);
      for (let i = 0; i < 11; i++) assert.is(ed25519VerifyStep(), 0);
      ed25519VerifyStart(signature, [message], key);
      let verdict = 0;
      while (verdict === 0) verdict = ed25519VerifyStep();
      assert.is(verdict, 1, String(length));
    }
  });
});

test("no slice of a verification has more than 24 products of elements, nor one of X25519 more than 11, and their number is known", () => {
  let calls = 0;
  const counting = (a: Float64Array, b: Float64Array, shift: number): number => {
    calls++;
    return convolve(a, b, shift);
  };
  const slices = (step: () => boolean | number): number[] => {
    const products: number[] = [];
    for (let done: boolean | number = false; !done;) {
      calls = 0;
      done = step();
      products.push(calls / 12);
    }
    return products;
  };
  const seed = unhex("19".repeat(32));
  assert.is(adoptNatives({ convolve: counting }), 0);
  try {
    ed25519VerifyStart(reference.sign(seed, text("slices")), [text("slices")], reference.publicKey(seed));
    const verification = slices(ed25519VerifyStep);
    // Eight slices of interpreted SHA-512, of one block.
    assert.is(verification.length, 322 + 8);
    assert.is(Math.max(...verification), 24);
    x25519Start(new Uint8Array(32), unhex("07".repeat(32)), unhex("09".padEnd(64, "0")));
    const agreement = slices(x25519Step);
    assert.is(agreement.length, 287);
    assert.ok(Math.max(...agreement) <= 11, `${String(Math.max(...agreement))} products`);
  } finally {
    adoptNatives({});
  }
});

test("wrong lengths are named", () => {
  const key = new Uint8Array(32);
  assert.throws(() => x25519(new Uint8Array(31), key, key), /out: expected 32 bytes, got 31/);
  assert.throws(() => x25519(key, new Uint8Array(33), key), /scalar: expected 32 bytes, got 33/);
  assert.throws(() => x25519(key, key, new Uint8Array(0)), /point: expected 32 bytes, got 0/);
  assert.throws(() => ed25519Sign(new Uint8Array(63), key, []), /out: expected 64 bytes, got 63/);
  assert.throws(() => ed25519PublicKey(key, new Uint8Array(31)), /seed: expected 32 bytes, got 31/);
});

test.run();
