/** The pieces of suite 1 by themselves. */
import fc from "../generate.js";
import nacl from "tweetnacl";
import * as assert from "uvu/assert";
import { poly1305 } from "../../src/core/stream/poly1305.js";
import { suite } from "../suite.js";
import * as box from "./reference/secretbox.js";
import { hex, unhex } from "./support.js";

const test = suite("Secretbox");

test("the reference secretbox is NaCl's published one, and tweetnacl's", () => {
  const key = unhex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
  const nonce = unhex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
  const plain = unhex(
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31" +
      "0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705",
  );
  const expected =
    "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c972" +
    "71d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b3" +
    "7973f622a43d14a6599b1f654cb45a74e355a5";
  assert.is(hex(box.secretbox(key, nonce, plain)), expected);
  assert.is(hex(nacl.secretbox(plain, nonce, key)), expected);
});

test("Poly1305 in doubles agrees with whole numbers, at its edges too", () => {
  const check = (key: Uint8Array, message: Uint8Array) => {
    const words = new Int32Array(64);
    const bytes = new Uint8Array(words.buffer);
    const tag = new Int32Array(4);
    bytes.set(message);
    if (message.length % 16) bytes[message.length] = 1;
    poly1305(tag, new Int32Array(key.slice().buffer), words, 0, Math.ceil(message.length / 16), message.length % 16 === 0);
    assert.is(hex(new Uint8Array(tag.buffer)), hex(box.poly1305(key, message)));
  };
  const ones = (length: number) => new Uint8Array(length).fill(255);
  for (const length of [0, 1, 15, 16, 17, 32, 48, 64, 240]) {
    check(ones(32), ones(length));
    check(new Uint8Array(32), ones(length));
    // r = 1 and r = 2 with sums just below, at and above 2^130 - 5.
    for (const r of [1, 2]) {
      for (const low of [0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff]) {
        const message = ones(length);
        if (length) message[0] = low;
        const key = ones(32).fill(0, 0, 16);
        key[0] = r;
        check(key, message);
      }
    }
  }
  fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ maxLength: 200 }), check), { numRuns: 200 });
});

test.run();
