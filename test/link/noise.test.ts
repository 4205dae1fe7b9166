import fc from "../generate.js";
import * as assert from "uvu/assert";
import { get32, put32 } from "../../src/core/bytes.js";
import { crc32 } from "../../src/core/hash/crc32.js";
import { createHostLink } from "../../src/core/link/host.js";
import { createLink, linkReset, linkSend, type Link } from "../../src/core/link/t1.js";
import { suite } from "../suite.js";
import { Clock, Wire, generator, type Disturb } from "./wire.js";

/** Longest time that an exchange may take in noise: a chain of 3 blocks each way, each with its tries, and resynchronization. */
const BOUND = 120_000;

/** A message that tells by itself whether it is whole, as session messages do by their tag. */
function message(draw: () => number, length: number): Uint8Array {
  const bytes = Uint8Array.from({ length }, () => draw() & 255);
  put32(bytes, length - 4, crc32(bytes.subarray(0, length - 4)));
  return bytes;
}
const whole = (bytes: Uint8Array): boolean =>
  bytes.length > 4 && get32(bytes, bytes.length - 4) === crc32(bytes.subarray(0, bytes.length - 4));

/** A device that answers each message by its reverse after `delay` milliseconds, and a host. */
function pair(seed: number, baud = 115_200) {
  const clock = new Clock();
  const draw = generator(seed);
  const wire = new Wire(clock, baud, () => 1 + (draw() % 80));
  const outcome = { answer: undefined as Uint8Array | undefined, failure: 0, resets: 0 };
  const seen: Uint8Array[] = [];
  let delay = 0;
  let turn = 0;
  const device: Link = createLink(1, wire.device, clock, new Uint8Array(640), (length) => {
    const mine = ++turn;
    const got = device.buf.slice(0, length);
    seen.push(got);
    clock.after(delay, () => {
      if (mine !== turn) return;
      device.buf.set(got.reverse());
      linkSend(device, length);
    });
  });
  device.onFailure = () => turn++;
  const host: Link = createHostLink(wire.host, clock, new Uint8Array(640), (length) => (outcome.answer = host.buf.slice(0, length)));
  host.onFailure = (reason) => (outcome.failure = reason);
  host.onReset = () => outcome.resets++;
  const exchange = (bytes: Uint8Array, wait: number): { answer: Uint8Array | undefined; failure: number; ended: boolean } => {
    delay = wait;
    outcome.answer = undefined;
    outcome.failure = 0;
    host.buf.set(bytes);
    assert.ok(linkSend(host, bytes.length), "the host end is free");
    const ended = clock.run(BOUND, () => outcome.answer !== undefined || outcome.failure !== 0);
    return { answer: outcome.answer, failure: outcome.failure, ended };
  };
  return { clock, draw, wire, host, device, exchange, seen, outcome };
}

/** Noise of one kind at `rate`, or of all kinds. */
function noisy(draw: () => number, rate: number, kind: number): Disturb {
  return (byte) => {
    if (draw() / 4294967296 >= rate) return [byte];
    const what = kind < 3 ? kind : draw() % 3;
    return what === 0 ? [byte ^ (1 << (draw() & 7))] : what === 1 ? [] : [byte, draw() & 255];
  };
}

const test = suite("T=1 over a wire");

test("an undisturbed wire carries messages of every length, whatever the speed and the runs in which bytes arrive", () => {
  for (const baud of [9600, 115_200, 1_000_000]) {
    const { exchange, draw, clock } = pair(baud, baud);
    for (let length = 1; length <= 640; length += baud === 9600 ? 53 : 7) {
      const sent = Uint8Array.from({ length }, () => draw() & 255);
      const { answer, failure } = exchange(sent, (length * 7) % 2000);
      assert.is(failure, 0);
      assert.equal(answer, sent.slice().reverse());
    }
    clock.run(10_000);
    assert.is(clock.pending, 0, "nothing is left running");
  }
});

test("at 9,600 baud with the longest block each way no time runs out", () => {
  const { exchange, wire } = pair(1, 9600);
  exchange(message(generator(1), 254), 0);
  const before = wire.down.bytes;
  assert.is(exchange(message(generator(2), 254), 0).failure, 0);
  assert.is(wire.down.bytes - before, 258, "each block went once");
});

test("in noise of any kind each exchange is right or a clear error, in bounded time, and works again when the noise ends", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.constantFrom(0.0005, 0.002, 0.01, 0.05, 0.3),
      fc.integer({ min: 0, max: 3 }),
      fc.array(fc.record({ length: fc.integer({ min: 8, max: 640 }), wait: fc.constantFrom(0, 0, 0, 250, 299, 301, 1000) }), {
        minLength: 1,
        maxLength: 6,
      }),
      (seed, rate, kind, exchanges) => {
        const p = pair(seed);
        for (const { length, wait } of exchanges) {
          const sent = message(p.draw, length);
          p.wire.disturb = noisy(p.draw, rate, kind);
          const { answer, failure, ended } = p.exchange(sent, wait);
          assert.ok(ended, "the exchange ends");
          if (answer) {
            // Noise can make a wrong block of the right LRC, 1 in 256; the message's own check tells.
            const back = answer.slice().reverse();
            if (whole(back)) assert.equal(back, sent);
          } else assert.ok(failure > 0);
          p.wire.disturb = undefined;
          // What is still on the wire settles; then at most one exchange finds the ends out of step.
          p.clock.run(5000);
          const next = message(p.draw, 300);
          let again = p.exchange(next, 0);
          if (again.failure) again = p.exchange(next, 0);
          assert.equal(again.answer, next.slice().reverse());
        }
      },
    ),
    { numRuns: Number(process.env.LEYDEN_RUNS ?? "150"), interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
  );
});

test("single disturbed bits never change, lose or double a message", () => {
  const p = pair(77);
  const flip = noisy(p.draw, 1, 0);
  for (let i = 0; i < 300; i++) {
    // One bit in each of the first frames that pass.
    let countdown = p.draw() % 20;
    p.wire.disturb = (byte) => (countdown-- === 0 ? flip(byte) : [byte]);
    const sent = message(p.draw, 8 + (p.draw() % 600));
    const before = p.seen.length;
    const { answer } = p.exchange(sent, 0);
    assert.equal(answer, sent.slice().reverse());
    assert.is(p.seen.length, before + 1, "the device saw it once");
  }
});

test("a peer that vanishes at any byte ends in an error within seven seconds, and coming back works", () => {
  const sent = message(generator(5), 600);
  for (let at = 1; at < 1300; at += 11) {
    const p = pair(at);
    assert.ok(p.exchange(message(p.draw, 20), 0).answer);
    let bytes = 0;
    p.wire.disturb = (byte) => {
      if (++bytes === at) p.wire.cut = true;
      return [byte];
    };
    const began = p.clock.time;
    const { answer, failure } = p.exchange(sent, 0);
    if (answer) continue;
    assert.ok(failure > 0 && p.clock.time - began < 7000, `${String(p.clock.time - began)} ms`);
    p.wire.cut = false;
    p.wire.disturb = undefined;
    p.clock.run(200);
    const again = p.exchange(sent, 0);
    assert.equal(again.answer, sent.slice().reverse());
  }
});

test("a device that restarts is noticed, and the next exchange works", () => {
  const p = pair(9);
  for (let i = 0; i < 5; i++) {
    assert.ok(p.exchange(message(p.draw, 30), 0).answer);
    linkReset(p.device);
    p.clock.run(100);
    assert.is(p.outcome.resets, i + 1);
  }
});

test("a host that restarts gets the answer to its own command, not to the one before", () => {
  for (let before = 1; before < 5; before++) {
    const p = pair(before);
    for (let i = 0; i < before; i++) p.exchange(message(p.draw, 30), 0);
    let answer: Uint8Array | undefined;
    const host: Link = createHostLink(p.wire.host, p.clock, new Uint8Array(640), (length) => (answer = host.buf.slice(0, length)));
    host.buf.set([1, 2, 3]);
    linkSend(host, 3);
    p.clock.run(3000);
    assert.equal(answer, Uint8Array.of(3, 2, 1));
  }
});

test.run();
