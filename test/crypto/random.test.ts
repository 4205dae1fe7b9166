import { randomFillSync } from "node:crypto";
import * as assert from "uvu/assert";
import { randomFill, randomSeed, randomStart } from "../../src/core/random.js";
import { suite } from "../suite.js";
import { hex, inModes } from "./support.js";

const test = suite("Random");
const NONE = 0;
const NOISE = 1;
const HARDWARE = 2;
const good = (out: Uint8Array) => {
  randomFillSync(out);
};
const empty = new Uint8Array(0);
const draw = (length = 32) => {
  const out = new Uint8Array(length);
  return randomFill(out) ? hex(out) : "refused";
};

/** Starts with a journal that holds at most one state; answers that state. */
function start(entropy: (out: Uint8Array) => void, quality: number, state = empty): { ready: boolean; saved: string[] } {
  const saved: string[] = [];
  const ready = randomStart(entropy, quality, state, (next) => {
    saved.push(hex(next));
    return true;
  });
  return { ready, saved };
}

test("a hardware source needs nothing; noise needs a state or a seed; no source never makes keys", () => {
  inModes(() => {
    assert.ok(start(good, HARDWARE).ready);
    assert.is(draw(45).length, 90);
    assert.not(start(good, NOISE).ready);
    assert.is(draw(), "refused");
    assert.ok(randomSeed(new Uint8Array(32)));
    assert.is.not(draw(), "refused");
    assert.ok(start(good, NOISE, new Uint8Array(32).fill(1)).ready);
    assert.not(start(good, NONE, new Uint8Array(32).fill(1)).ready);
    assert.not(randomSeed(new Uint8Array(32)));
    assert.is(draw(), "refused");
  });
});

test("a stuck or lopsided source is found, and neither state nor seed helps it", () => {
  const state = new Uint8Array(32).fill(1);
  const stuck = (out: Uint8Array) => out.fill(9);
  let count = 0;
  const lopsided = (out: Uint8Array) => {
    randomFillSync(out);
    for (let i = 0; i < out.length; i++) if (++count % 3 !== 0) out[i] = 5;
  };
  for (const source of [stuck, lopsided]) {
    assert.not(start(source, HARDWARE, state).ready);
    assert.not(randomSeed(state));
    assert.is(draw(), "refused");
  }
  // The first byte of a window decides what is counted, so a source with another first byte is found by the next window's.
  const halves = (out: Uint8Array) => {
    good(out);
    for (let i = 0; i < out.length; i++) out[i] &= 1;
  };
  assert.ok(start(halves, HARDWARE).ready, "one bit a byte is what the cutoffs are made for");
  assert.ok(start(good, HARDWARE).ready);
});

test("a source that says the same again and again is found, whatever its period, and neither state nor seed helps it", () => {
  const state = new Uint8Array(32).fill(1);
  for (const period of [2, 3, 4, 31, 32, 33, 63, 64, 65, 100, 256, 500, 900]) {
    const said = new Uint8Array(period);
    let at = 0;
    good(said);
    const repeating = (out: Uint8Array) => {
      for (let i = 0; i < out.length; i++) out[i] = said[at++ % period];
    };
    for (const quality of [HARDWARE, NOISE]) {
      assert.not(start(repeating, quality, state).ready, `period ${String(period)}`);
      assert.not(randomSeed(state));
      assert.is(draw(), "refused");
    }
  }
});

test("the state is stored before anything is drawn, differs from what is drawn, and a failed store forbids drawing", () => {
  const same = new Uint8Array(1024);
  good(same);
  let at = 0;
  const fixed = (out: Uint8Array) => {
    out.set(same.subarray(at, at + out.length));
    at = (at + out.length) & 1023;
  };
  const first = start(fixed, NOISE, new Uint8Array(32).fill(1));
  assert.ok(first.ready);
  assert.is(first.saved.length, 1);
  const drawn = [draw(), draw(), draw()];
  assert.is(new Set([...drawn, ...first.saved]).size, 4);
  // Even if the source says the same at every start, the next start draws something else.
  assert.ok(start(fixed, NOISE, new Uint8Array(Buffer.from(first.saved[0], "hex"))).ready);
  assert.not(drawn.includes(draw()));
  assert.not(randomStart(fixed, NOISE, new Uint8Array(32).fill(1), () => false));
  assert.is(draw(), "refused");
});

test("a seed of another length is the caller's mistake", () => {
  assert.throws(() => randomSeed(new Uint8Array(16)), /seed: expected 32 bytes, got 16/);
});

test("refused bytes are zero, and long requests do not repeat", () => {
  assert.not(start(good, NONE).ready);
  const out = new Uint8Array(8).fill(3);
  assert.not(randomFill(out));
  assert.is(hex(out), "00".repeat(8));
  assert.ok(start(good, HARDWARE).ready);
  const long = draw(32 * 300);
  assert.is(new Set(long.match(/.{64}/g)).size, 300);
});

test.run();
