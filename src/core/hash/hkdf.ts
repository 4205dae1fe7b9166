import { expectBetween, expectBytes, expectDisjoint } from "../check.js";
import { hmac, hmacPrepare, hmacPrepared } from "./hmac.js";

const pads = new Uint8Array(128);
const block = new Uint8Array(32);
const counter = new Uint8Array(1);

/**
 * HKDF-SHA-256 (RFC 5869).
 *
 * @param out - at most 8,160 bytes, filled; may not overlap `info`
 * @param salt - any length; empty is 32 zero bytes
 */
export function hkdf(out: Uint8Array, salt: Uint8Array, ikm: Uint8Array, info: Uint8Array): void {
  let offset = 0;
  expectBetween("out", out, 0, 8160);
  expectBytes("salt", salt);
  expectBytes("ikm", ikm);
  expectBytes("info", info);
  expectDisjoint("out", out, "info", info);
  hmac(block, salt, [ikm]);
  hmacPrepare(pads, block);
  counter[0] = 0;
  for (offset = 0; offset < out.length; offset += 32) {
    counter[0]++;
    hmacPrepared(block, pads, offset ? [block, info, counter] : [info, counter]);
    out.set(block.subarray(0, Math.min(32, out.length - offset)), offset);
  }
  block.fill(0);
  pads.fill(0);
}
