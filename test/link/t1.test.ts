import * as assert from "uvu/assert";
import { LINK_RESTARTED, LINK_RESYNCHED, linkReset, linkSend } from "../../src/core/link/t1.js";
import { suite } from "../suite.js";
import { B, atr, end, fill, hex } from "./end.js";
import { block } from "./wire.js";

const device = suite("T=1 device end");

device("starts with its answer to reset", () => {
  const d = end(2);
  linkReset(d.link);
  assert.is(d.sent(), hex(atr(2)));
});

device("answers I(0,0) with I(0,0), then I(1,0) with I(1,0)", () => {
  const d = end(1);
  for (const n of [0, 0x40, 0]) {
    assert.is(d.give(block(n, [1, 2, n])), "");
    assert.ok(d.send([0x90, n]));
    assert.is(d.sent(), B(n, [0x90, n]));
  }
  assert.equal(d.messages, ["010200", "010240", "010200"]);
  assert.is(d.wait(10_000), "", "and has nothing to say meanwhile");
});

device("takes a message byte by byte", () => {
  const d = end(1);
  for (const byte of block(0, fill(254, 7))) d.give(Uint8Array.of(byte));
  assert.equal(d.messages, [hex(fill(254, 7))]);
});

device("takes a chain: I(0,1) R(1) I(1,1) R(0) I(0,0)", () => {
  const d = end(1);
  assert.is(d.give(block(0x20, fill(254, 1))), B(0x90));
  assert.is(d.give(block(0x60, fill(254, 2))), B(0x80));
  assert.is(d.give(block(0x00, fill(2, 3))), "");
  assert.equal(d.messages, ["01".repeat(254) + "02".repeat(254) + "0303"]);
});

device("sends a chain: I(0,1) R(1) I(1,1) R(0) I(0,0)", () => {
  const d = end(1);
  d.give(block(0, [1]));
  d.send([...fill(254, 1), ...fill(254, 2), 3, 3]);
  assert.is(d.sent(), B(0x20, fill(254, 1)));
  assert.is(d.give(block(0x90)), B(0x60, fill(254, 2)));
  assert.is(d.give(block(0x80)), B(0x00, [3, 3]));
});

device("asks again after a wrong LRC, once the wire is silent", () => {
  const d = end(1);
  const wrong = block(0, [1, 2, 3]);
  wrong[6] ^= 1;
  assert.is(d.give(wrong), "");
  assert.is(d.wait(99), "");
  assert.is(d.wait(2), B(0x81));
  assert.is(d.give(block(0, [1, 2, 3])), "");
  assert.is(d.messages.length, 1);
});

device("repeats its block when R asks for it, in a chain too, and never delivers a message twice", () => {
  const d = end(1);
  d.give(block(0, [1]));
  d.send([...fill(254, 1), 2]);
  d.sent();
  assert.is(d.give(block(0x80)), B(0x20, fill(254, 1)));
  assert.is(d.give(block(0x90)), B(0x40, [2]));
  assert.is(d.give(block(0x90)), B(0x40, [2]));
  assert.is(d.give(block(0, [1])), B(0x40, [2]), "also when the host repeats its command");
  assert.is(d.messages.length, 1);
});

device("asks for the command when the host asks for an answer to one that never came", () => {
  const d = end(1);
  d.give(block(0, [1]));
  d.send([2]);
  d.sent();
  assert.is(d.give(block(0x90)), B(0x90));
});

device("repeats its R-block when the host asks after it", () => {
  const d = end(1);
  assert.is(d.give(block(0x20, [1])), B(0x90));
  assert.is(d.give(block(0x82)), B(0x90));
});

device("asks for more time while a message is unanswered, and holds its answer back until the host has agreed", () => {
  const d = end(1);
  d.give(block(0, [1]));
  assert.is(d.wait(299), "");
  assert.is(d.wait(2), B(0xc3, [1]));
  assert.ok(d.send([5]));
  assert.is(d.sent(), "");
  assert.is(d.give(block(0xe3, [1])), B(0x00, [5]));
  assert.is(d.wait(10_000), "");
});

device("asks for more time again and again, also when the host's reply is lost or it asks after the answer", () => {
  const d = end(1);
  d.give(block(0, [1]));
  assert.is(d.wait(301), B(0xc3, [1]));
  assert.is(d.wait(300), B(0xc3, [1]));
  assert.is(d.give(block(0x80)), B(0xc3, [1]));
  d.give(block(0xe3, [1]));
  assert.is(d.wait(301), B(0xc3, [1]));
});

device("stays silent about noise while it works", () => {
  const d = end(1);
  d.give(block(0, [1]));
  d.give(fill(20, 0x55));
  assert.is(d.wait(250), "");
  assert.ok(d.send([5]));
  assert.is(d.sent(), B(0x00, [5]));
});

device("honours S(IFS), and refuses 0 and 255", () => {
  const d = end(1);
  assert.is(d.give(block(0xc1, [16])), B(0xe1, [16]));
  assert.is(d.give(block(0xc1, [0])), B(0x81));
  assert.is(d.give(block(0xc1, [255])), B(0x81));
  d.give(block(0, [1]));
  d.send(fill(17, 1));
  assert.is(d.sent(), B(0x20, fill(16, 1)));
});

device("aborts a chain that its buffer cannot hold, and takes the next message", () => {
  const d = end(1, true, 300);
  assert.is(d.give(block(0x20, fill(254, 1))), B(0x90));
  assert.is(d.give(block(0x60, fill(254, 2))), B(0xc2));
  assert.is(d.give(block(0xe2)), B(0x80));
  d.give(block(0x00, [1]));
  assert.equal(d.messages, ["01"]);
});

device("stops its own chain at S(ABORT)", () => {
  const d = end(1);
  d.give(block(0, [1]));
  d.send(fill(300, 1));
  d.sent();
  assert.is(d.give(block(0xc2)), B(0xe2));
  d.give(block(0x40, [2]));
  assert.equal(d.messages, ["01", "02"]);
  d.send([7]);
  assert.is(d.sent(), B(0x40, [7]), "the aborted block counts as sent");
});

device("begins anew at S(RESYNCH), drops the message under way and its late answer, and says so", () => {
  const d = end(1);
  d.give(block(0, [1]));
  assert.is(d.give(block(0xc0)), B(0xe0));
  assert.equal(d.failures, [LINK_RESYNCHED]);
  assert.not(d.send([1]));
  d.give(block(0, [2]));
  assert.equal(d.messages, ["01", "02"]);
});

device("answers S(SWR) by its answer to reset, and says so", () => {
  const d = end(3);
  assert.is(d.give(block(0xcf)), hex(atr(3)));
  assert.equal(d.failures, [LINK_RESTARTED]);
});

device("repeats the response that it sent last, though an answer went before", () => {
  const d = end(1);
  d.give(block(0, [1]));
  d.send([2]);
  assert.ok(d.give(block(0xc1, [100])).endsWith(B(0xe1, [100])));
  assert.is(d.give(block(0x80)), B(0xe1, [100]));
});

device("refuses reserved bits, wrong lengths, responses out of place and empty chained blocks", () => {
  for (const wrong of [
    block(0x01),
    block(0x20),
    block(0xa0),
    block(0x84),
    block(0x80, [1]),
    block(0xc0, [1]),
    block(0xc3, [1]),
    block(0xc7),
    block(0xe0),
  ]) {
    const d = end(1);
    assert.is(d.give(wrong), B(0x81), hex(wrong));
    assert.equal(d.messages, []);
  }
});

device("a frame that breaks off is dropped after the silence; so is LEN 255", () => {
  const d = end(1);
  d.give(block(0, fill(100, 1)).subarray(0, 50));
  assert.is(d.wait(101), B(0x81));
  d.give(Uint8Array.of(0, 0, 255, 1, 2));
  assert.is(d.wait(101), B(0x81));
  d.give(block(0, [1]));
  assert.equal(d.messages, ["01"]);
});

device("noise without an end is given up after two seconds", () => {
  const d = end(1);
  let answers = "";
  for (let i = 0; i < 50; i++) answers += d.give(fill(40, 0x55)) + d.wait(50);
  assert.is(answers, B(0x81));
});

device("sends nothing without a message to answer, nor of a length that no buffer has", () => {
  const d = end(1);
  assert.not(d.send([1]));
  d.give(block(0, [1]));
  assert.not(linkSend(d.link, 0));
  assert.not(linkSend(d.link, 641));
});
device.run();
