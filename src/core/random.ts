import { put32, scratch } from "./bytes.js";
import { expectBytes, expectFunction, expectLength, expectWhole } from "./check.js";
import { hmac, hmacPrepare, hmacPrepared, turnPads } from "./hash/hmac.js";
import { sha256 } from "./hash/sha256.js";

/**
 * Random bytes by fast key erasure: each request replaces the key before its output leaves. The engine's source is tested when the device
 * starts, and never trusted alone: what a journal and an enrolled seed give is mixed in.
 */

const QUALITY_HARDWARE = 2;
/** Samples of the start-up tests. SP 800-90B 4.3 asks for 1,024 at least. */
const SAMPLES = 1024;
/** Cutoffs for one bit of entropy in each byte and a false alarm in 2^30: repetitions (4.4.1), and equal bytes in a window of 512 (4.4.2). */
const REPETITIONS = 31;
const WINDOW = 512;
const PROPORTION = 325;
/** Samples of the beginning that come again, one after the other: with the same entropy and 960 places where they may, a false alarm in 2^32. */
const AGAIN = 42;

const key = new Uint8Array(32);
const block = scratch(32);
const counter = scratch(4);
const nextLabel = new Uint8Array([1]);
const savedLabel = new Uint8Array([2]);
let ready = false;
let usable = false;
let store: ((state: Uint8Array) => boolean) | undefined = undefined;

/** Hashes start-up samples into `key`; false when they are stuck, one value is too frequent, or their beginning comes again. */
function collect(entropy: (out: Uint8Array) => void): boolean {
  const parts = [key, block];
  let good = true;
  let taken = 0;
  let last = -1;
  let repeated = 0;
  let first = 0;
  let equal = 0;
  let again = 0;
  let i = 0;
  for (taken = 0; taken < SAMPLES; taken += 32) {
    block.fill(0);
    entropy(block);
    for (i = 0; i < 32; i++) {
      repeated = block[i] === last ? repeated + 1 : 1;
      last = block[i];
      if (!((taken + i) & (WINDOW - 1))) {
        first = last;
        equal = 0;
      }
      if (last === first) equal++;
      // The first 64 samples are kept to be compared.
      if (taken < 64) turnPads[taken + i] = last;
      else again = last === turnPads[again] ? again + 1 : last === turnPads[0] ? 1 : 0;
      if (repeated >= REPETITIONS || equal >= PROPORTION || again >= AGAIN) good = false;
    }
    sha256(key, parts);
  }
  block.fill(0);
  turnPads.fill(0);
  return good;
}

/** Replaces `key` by one derived from it, after `store` holds another: nothing drawn from the new key can be drawn again after a reset. */
function advance(): boolean {
  let stored = true;
  hmac(block, key, [savedLabel]);
  if (store) stored = store(block);
  hmac(key, key, [nextLabel]);
  block.fill(0);
  return stored;
}

/**
 * Starts the generator.
 *
 * @param entropy - fills its argument from the engine's source
 * @param quality - ENTROPY_ constant of the board
 * @param state - 32 bytes that an earlier start or seed has given to `save`; empty when there are none
 * @param save - makes 32 secret bytes durable, before anything is drawn; false when it could not
 * @returns false when keys cannot be made yet: the source is broken, or is only noise and there is no state
 */
export function randomStart(
  entropy: (out: Uint8Array) => void,
  quality: number,
  state: Uint8Array,
  save: (state: Uint8Array) => boolean,
): boolean {
  expectFunction("entropy", entropy);
  expectWhole("quality", quality, 0, QUALITY_HARDWARE);
  expectBytes("state", state);
  if (state.length) expectLength("state", state, 32);
  expectFunction("save", save);
  key.fill(0);
  usable = collect(entropy) && quality !== 0;
  store = save;
  hmac(key, key, [state]);
  ready = usable && (quality === QUALITY_HARDWARE || state.length === 32) && advance();
  return ready;
}

/**
 * Mixes in a seed from whoever enrolls the device. It makes noise good enough to draw from; a source that failed its tests stays refused,
 * and so does one of no quality.
 *
 * @param seed - 32 bytes, secret
 */
export function randomSeed(seed: Uint8Array): boolean {
  expectLength("seed", seed, 32);
  hmac(key, key, [seed]);
  ready = usable && advance();
  return ready;
}

/** Fills `out`, of any length. False, with `out` zero, while keys cannot be made. */
export function randomFill(out: Uint8Array): boolean {
  let offset = 0;
  expectBytes("out", out);
  out.fill(0);
  if (!ready) return false;
  hmacPrepare(turnPads, key);
  hmacPrepared(key, turnPads, [nextLabel]);
  for (offset = 0; offset < out.length; offset += 32) {
    put32(counter, 0, offset >>> 5);
    hmacPrepared(block, turnPads, [savedLabel, counter]);
    out.set(block.subarray(0, Math.min(32, out.length - offset)), offset);
  }
  block.fill(0);
  turnPads.fill(0);
  return true;
}
