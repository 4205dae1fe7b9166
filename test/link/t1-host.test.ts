import * as assert from "uvu/assert";
import { LINK_ABORTED, LINK_BUSY, LINK_LOST, LINK_NO_ANSWER, LINK_TOO_LONG, linkReset } from "../../src/core/link/t1.js";
import { suite } from "../suite.js";
import { B, atr, end, fill, hex } from "./end.js";
import { block } from "./wire.js";

const host = suite("T=1 host end");

host("begins by resynchronizing when it has seen no answer to reset, then sends", () => {
  const h = end(0, false);
  assert.ok(h.send([1]));
  assert.is(h.sent(), B(0xc0));
  assert.is(h.give(block(0xe0)), B(0x00, [1]));
  h.give(block(0, [9]));
  assert.equal(h.messages, ["09"]);
  assert.equal(h.failures, []);
});

host("asks for a reset, and notices an answer to reset by itself", () => {
  const h = end(0, false);
  linkReset(h.link);
  assert.is(h.sent(), B(0xcf));
  h.give(atr(2));
  h.give(atr(1));
  assert.equal(h.resets, [2, 1]);
  assert.ok(h.send([1]));
  assert.is(h.sent(), B(0x00, [1]));
});

host("finds an answer to reset in the midst of noise, byte by byte and after half a frame", () => {
  const h = end(0, false);
  for (const byte of [...fill(700, 0x3b), ...atr(1), 0x3b, 0x8a]) h.give(Uint8Array.of(byte));
  h.wait(101);
  h.give(block(0, fill(200, 1)).subarray(0, 50), atr(2));
  h.wait(101);
  assert.equal(h.resets, [1, 2]);
});

host("reads on behind an answer to reset that comes in one burst with the beginning of a block", () => {
  const h = end(0);
  const stale = block(0x40, [...fill(8, 0), 1]);
  h.give(Uint8Array.from([...atr(2), ...stale.subarray(0, 4)]));
  assert.equal(h.resets, [1, 2]);
  h.send([1]);
  h.sent();
  h.give(stale.subarray(4));
  h.give(block(0, [5]));
  assert.equal(h.messages, ["05"], "the block's end is neither noise nor a block of its own");
});

host("takes no answer to a command that an answer to reset made void for that to the next", () => {
  const h = end(0);
  h.send([1]);
  h.sent();
  h.give(atr(1));
  assert.ok(h.send([2]));
  assert.is(h.sent(), B(0xc0), "it resynchronizes first");
  h.give(block(0, [0x11]));
  assert.equal(h.messages, []);
  assert.is(h.give(block(0xe0)), B(0, [2]));
  h.give(block(0, [0x22]));
  assert.equal(h.messages, ["22"]);
});

for (const role of [0, 1])
  host(`zeros, which a broken wire shows, are no empty message to end ${String(role)}`, () => {
    const h = end(role);
    if (!role) h.send([1]);
    h.sent();
    h.give(fill(4, 0));
    h.wait(300);
    assert.equal(h.messages, []);
  });

host("takes no answer to reset with a wrong TCK or another name", () => {
  for (const at of [1, 9, 14, 15, 16]) {
    const h = end(0, false);
    const wrong = atr(1);
    wrong[at] ^= 4;
    // The check byte is right for all but the last two.
    if (at < 15) wrong[16] ^= 4;
    h.give(wrong);
    h.wait(200);
    assert.equal(h.resets, []);
  }
});

host("sends a chain and takes a chain", () => {
  const h = end(0);
  h.send([...fill(254, 1), 2]);
  assert.is(h.sent(), B(0x20, fill(254, 1)));
  assert.is(h.give(block(0x90)), B(0x40, [2]));
  assert.is(h.give(block(0x20, [3])), B(0x90));
  assert.is(h.give(block(0x40, [4])), "");
  assert.equal(h.messages, ["0304"]);
});

host("asks again when the answer is disturbed, and after silence", () => {
  const h = end(0);
  h.send([1]);
  h.sent();
  h.give(fill(10, 0x55));
  assert.is(h.wait(101), B(0x82));
  assert.is(h.wait(801), B(0x82));
  h.give(block(0, [9]));
  assert.equal(h.messages, ["09"]);
});

host("repeats its block when the device asks for it", () => {
  const h = end(0);
  h.send([1]);
  h.sent();
  assert.is(h.give(block(0x81)), B(0x00, [1]));
});

host("ignores an answer that it has had", () => {
  const h = end(0);
  h.send([1]);
  h.give(block(0, [9]));
  h.give(block(0, [9]));
  h.send([2]);
  h.sent();
  assert.is(h.give(block(0, [9])), "");
  h.give(block(0x40, [8]));
  assert.equal(h.messages, ["09", "08"]);
});

host("grants more time, as many block waiting times as asked for", () => {
  const h = end(0);
  h.send([1]);
  h.sent();
  h.wait(700);
  assert.is(h.give(block(0xc3, [3])), B(0xe3, [3]));
  assert.is(h.wait(2399), "");
  assert.is(h.wait(2), B(0x82));
});

host("a device that only ever asks for time is given up", () => {
  const h = end(0);
  h.send([1]);
  for (let i = 0; i < 5000 && !h.failures.length; i++) if (h.give(block(0xc3, [1])) === B(0xc0)) h.give(block(0xe0));
  assert.equal(h.failures, [LINK_BUSY]);
});

host("after four failures resynchronizes, says that the exchange is lost, and goes on", () => {
  const h = end(0);
  h.send([1]);
  assert.is(h.wait(3300), [B(0, [1]), B(0x82), B(0x82), B(0x82), B(0xc0)].join(" "));
  h.give(block(0xe0));
  assert.equal(h.failures, [LINK_LOST]);
  h.send([2]);
  assert.is(h.sent(), B(0x00, [2]));
});

host("when resynchronization is not answered either, says so within six seconds, and begins the next message with it", () => {
  const h = end(0);
  h.send([1]);
  h.wait(6500);
  assert.equal(h.failures, [LINK_NO_ANSWER]);
  assert.is(h.wait(60_000), "");
  h.send([2]);
  assert.is(h.sent(), B(0xc0));
  assert.is(h.give(block(0xe0)), B(0x00, [2]));
});

host("a reset that is not answered ends in an error", () => {
  const h = end(0);
  linkReset(h.link);
  assert.is(h.wait(3300), [0, 0, 0, 0].map(() => B(0xcf)).join(" "));
  assert.equal(h.failures, [LINK_NO_ANSWER]);
});

host("gives up the message that the device aborts", () => {
  const h = end(0);
  h.send(fill(600, 1));
  h.sent();
  assert.is(h.give(block(0xc2)), B(0xe2));
  assert.equal(h.failures, [LINK_ABORTED]);
  h.give(block(0x80));
  h.send([1]);
  assert.is(h.sent(), B(0x40, [1]));
});

host("aborts an answer that its buffer cannot hold", () => {
  const h = end(0, true, 300);
  h.send([1]);
  h.give(block(0x20, fill(254, 1)));
  assert.is(h.give(block(0x60, fill(254, 2))), B(0xc2));
  h.give(block(0xe2));
  assert.equal(h.failures, [LINK_TOO_LONG]);
  h.send([2]);
  assert.is(h.sent(), B(0x40, [2]));
});

host("a late response to an S(ABORT) is not taken for an answer", () => {
  const h = end(0);
  h.send([1]);
  h.give(block(0xe2));
  assert.equal(h.failures, []);
  h.give(block(0x00, [9]));
  assert.equal(h.messages, ["09"]);
});

host("whatever a device goes on repeating, each exchange ends", () => {
  const repeated = [
    block(0x80),
    block(0x90),
    block(0x40, [1]),
    block(0xc1, [32]),
    block(0xe0),
    block(0xe2),
    block(0xe3, [1]),
    block(0xc0),
    block(0xc3, [0]),
    block(0x20, [1]),
    block(0x60),
  ];
  for (const each of repeated)
    for (const [pause, silent] of [
      [1, false],
      [150, true],
    ] as const) {
      const h = end(0);
      h.send([1]);
      for (let i = 0; i < 40_000 && !h.failures.length && !h.messages.length; i++) {
        const answer = h.give(each);
        h.wait(pause);
        if (!silent && answer === B(0xc2)) h.give(block(0xe2));
      }
      assert.is(h.failures.length + h.messages.length, 1, `${hex(each)} every ${pause} ms`);
    }
});

host("takes no answer in the midst of its own chain", () => {
  const h = end(0);
  h.send(fill(300, 1));
  h.give(block(0x00, [9]));
  assert.equal(h.messages, []);
  assert.is(h.give(block(0x90)), B(0x40, fill(46, 1)));
  h.give(block(0x00, [9]));
  assert.equal(h.messages, ["09"]);
});

host("noise that came before a message was sent still ends, and is not taken for the answer's beginning", () => {
  const h = end(0);
  h.give(Uint8Array.of(0, 0, 40, 1));
  h.wait(50);
  h.send([1]);
  h.sent();
  assert.is(h.wait(51), B(0x82));
  h.give(block(0x00, [9]));
  assert.equal(h.messages, ["09"]);
});

host("takes no second message while one is unanswered", () => {
  const h = end(0);
  assert.ok(h.send([1]));
  assert.not(h.send([2]));
});
host.run();
