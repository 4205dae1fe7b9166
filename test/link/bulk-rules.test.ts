import * as assert from "uvu/assert";
import { put16, put32 } from "../../src/core/bytes.js";
import { crc32 } from "../../src/core/hash/crc32.js";
import { bulkAbort, bulkReceive, bulkSend } from "../../src/core/link/bulk.js";
import { suite } from "../suite.js";
import { B, end, hex } from "./end.js";
import { block } from "./wire.js";

const DATA = 1;
const ASK = 2;
const END = 3;
const ENDED = 4;
const ABORT = 5;
const GRANT = 0x10;
const AGAIN = 0x20;

function frame(kind: number, index: number, content: number[] = []): Uint8Array {
  const bytes = new Uint8Array(12 + content.length);
  bytes[0] = 0xb5;
  bytes[1] = kind;
  put16(bytes, 2, content.length);
  put32(bytes, 4, index);
  bytes.set(content, 8);
  put32(bytes, 8 + content.length, crc32(bytes.subarray(0, 8 + content.length)));
  return bytes;
}
const F = (kind: number, index: number, content: number[] = []): string => hex(frame(kind, index, content));

/** An end that receives: `taken` are the frames handed out, `releases` what lets go of each. */
function receiver(role: number, hold = false) {
  const e = end(role);
  const taken: string[] = [];
  const releases: (() => void)[] = [];
  const ends: number[] = [];
  const begin = (): string => {
    bulkReceive(
      e.link,
      (index, content, release) => {
        taken.push(`${String(index)}:${hex(content)}`);
        releases.push(release);
        if (!hold) release();
        return true;
      },
      (status) => ends.push(status),
    );
    return e.sent();
  };
  return { ...e, begin, taken, releases, ends };
}

function sender(role: number, count: number) {
  const e = end(role);
  const ends: number[] = [];
  const begin = (): string => {
    bulkSend(
      e.link,
      count,
      (index, content) => content.fill(index, 0, 2).length && 2,
      (status) => ends.push(status),
    );
    return e.sent();
  };
  return { ...e, begin, ends };
}

const test = suite("bulk frame rules");

test("the frame's bytes are as documented", () => {
  assert.is(F(DATA, 7, [1, 2, 3]), "b501000300000007010203133c6e46");
});

test("a host that receives grants two frames at once, and one more for each that is released", () => {
  const r = receiver(0);
  assert.is(r.begin(), F(AGAIN + 2, 0));
  assert.is(r.give(frame(DATA, 0, [5])), F(GRANT + 2, 1));
  assert.is(r.give(frame(DATA, 1, [6])), F(GRANT + 2, 2));
  assert.is(r.give(frame(END, 2)), F(ENDED, 2));
  assert.equal(r.taken, ["0:05", "1:06"]);
  assert.equal(r.ends, [0]);
});

test("a device keeps silent until the host has spoken, in either direction", () => {
  const r = receiver(2);
  assert.is(r.begin(), "");
  assert.is(r.wait(3000), "");
  assert.is(r.give(frame(ASK, 0)), F(AGAIN + 2, 0));
  const s = sender(2, 1);
  assert.is(s.begin(), "");
  assert.is(s.wait(3000), "");
  assert.is(s.give(frame(AGAIN + 2, 0)), F(DATA, 0, [0, 0]));
});

test("a device that nobody speaks to gives up", () => {
  for (const e of [receiver(2), sender(2, 3)]) {
    e.begin();
    assert.is(e.wait(10_000), "");
    assert.equal(e.ends, [1]);
  }
});

test("a frame out of turn is not taken, and what is missing is asked for again after the silence", () => {
  const r = receiver(0);
  r.begin();
  assert.is(r.give(frame(DATA, 1, [6])), "");
  assert.is(r.wait(101), F(AGAIN + 2, 0));
  r.give(frame(DATA, 0, [5]));
  assert.is(r.give(frame(DATA, 0, [5])), "");
  assert.is(r.wait(101), F(AGAIN + 2, 1));
  assert.equal(r.taken, ["0:05"]);
});

test("a frame with a wrong CRC is not taken, and is asked for again after the silence", () => {
  const r = receiver(0);
  r.begin();
  const wrong = frame(DATA, 0, [5]);
  wrong[8] ^= 1;
  assert.is(r.give(wrong), "");
  assert.is(r.wait(101), F(AGAIN + 2, 0));
  assert.is(r.give(frame(DATA, 0, [5])), F(GRANT + 2, 1));
});

test("with one frame held there is room for one more, which waits; nothing is granted meanwhile, but the sender is told that all is well", () => {
  const r = receiver(0, true);
  r.begin();
  assert.is(r.give(frame(DATA, 0, [5])), "");
  assert.is(r.give(frame(DATA, 1, [6])), "");
  assert.is(r.give(frame(DATA, 2, [7])), "", "a third is dropped");
  assert.is(r.wait(401), F(GRANT, 2));
  assert.equal(r.taken, ["0:05"]);
  r.releases[0]();
  assert.is(r.sent(), F(GRANT + 1, 2));
  assert.equal(r.taken, ["0:05", "1:06"]);
});

test("END waits until the last frame is released", () => {
  const r = receiver(0, true);
  r.begin();
  r.give(frame(DATA, 0, [5]));
  assert.is(r.give(frame(END, 1)), "");
  assert.is(r.wait(5000).includes(F(ENDED, 1)), false);
  r.releases[0]();
  assert.is(r.sent(), F(ENDED, 1));
  assert.equal(r.ends, [0]);
});

test("END before all frames is answered by asking for the missing", () => {
  const r = receiver(0);
  r.begin();
  r.give(frame(DATA, 0, [5]));
  assert.is(r.give(frame(END, 2)), F(AGAIN + 2, 1));
  assert.equal(r.ends, []);
});

test("END again after the end is answered again, another is not", () => {
  const r = receiver(0);
  r.begin();
  r.give(frame(DATA, 0, [5]));
  r.give(frame(END, 1));
  assert.is(r.give(frame(END, 1)), F(ENDED, 1));
  assert.is(r.give(frame(END, 2), frame(DATA, 1, [6])), "");
  assert.equal(r.ends, [0]);
  r.send([1]);
  r.sent();
  assert.is(r.give(frame(END, 1)), "", "T=1 goes on");
});

test("a receiver asks eight times for what does not come, then gives up", () => {
  const r = receiver(0);
  r.begin();
  assert.is(
    r.wait(10_000),
    Array(8)
      .fill(F(AGAIN + 2, 0))
      .join(" "),
  );
  assert.equal(r.ends, [1]);
});

test("a sender sends what is granted, no more, and the same once more only when asked", () => {
  const s = sender(2, 4);
  s.begin();
  assert.is(s.give(frame(GRANT + 2, 0)), `${F(DATA, 0, [0, 0])} ${F(DATA, 1, [1, 1])}`);
  assert.is(s.give(frame(GRANT + 2, 1)), F(DATA, 2, [2, 2]));
  assert.is(s.give(frame(AGAIN + 2, 1)), `${F(DATA, 1, [1, 1])} ${F(DATA, 2, [2, 2])}`);
  assert.is(s.give(frame(GRANT, 2)), "");
  assert.is(s.give(frame(GRANT + 15, 3)), F(DATA, 3, [3, 3]), "nothing beyond the last");
  assert.is(s.give(frame(GRANT + 2, 4)), F(END, 4));
  assert.is(s.give(frame(ENDED, 4)), "");
  assert.equal(s.ends, [0]);
});

test("a sender ignores grants for what it never sent or what was acknowledged, and an ENDED before the end", () => {
  const s = sender(2, 4);
  s.begin();
  s.give(frame(GRANT + 2, 0), frame(GRANT + 2, 2));
  for (const wrong of [frame(GRANT + 2, 5), frame(AGAIN + 2, 1), frame(ENDED, 4), frame(ENDED, 2), frame(END, 2), frame(DATA, 0)])
    assert.is(s.give(wrong), "");
  assert.equal(s.ends, []);
});

test("a sender asks eight times, then gives up; once all is acknowledged, END unanswered is no failure", () => {
  const s = sender(0, 2);
  assert.is(s.begin(), F(ASK, 0));
  assert.is(s.wait(20_000), Array(8).fill(F(ASK, 0)).join(" "));
  assert.equal(s.ends, [1]);
  const t = sender(0, 2);
  t.begin();
  t.give(frame(GRANT + 2, 0), frame(GRANT + 2, 2));
  assert.is(t.wait(20_000), Array(8).fill(F(END, 2)).join(" "));
  assert.equal(t.ends, [0]);
});

test("ABORT ends either half", () => {
  for (const e of [receiver(0), sender(0, 3), receiver(2), sender(2, 3)]) {
    e.begin();
    e.give(frame(ABORT, 0));
    assert.equal(e.ends, [2]);
  }
});

test("until the host speaks, a lost answer is repeated; afterwards the buffer is never sent as an answer", () => {
  const s = sender(2, 4);
  s.give(block(0, [1]));
  s.send([0x90, 0]);
  s.sent();
  s.begin();
  assert.is(s.give(block(0x80)), B(0x00, [0x90, 0]));
  s.give(frame(GRANT + 1, 0), frame(GRANT + 1, 1));
  assert.is(s.give(block(0x80)), B(0x90));
  assert.is(s.give(block(0x40, [2])), "");
  assert.ok(s.send([0x90, 0]));
  assert.is(s.sent(), B(0x40, [0x90, 0]), "and the next answer has the next number");
});

test("the host's next command ends a device's half, and is answered", () => {
  const s = sender(2, 4);
  s.give(block(0, [1]));
  s.send([0x90, 0]);
  s.begin();
  s.give(frame(GRANT + 1, 0), block(0x40, [2]));
  assert.equal(s.ends, [3]);
  assert.equal(s.messages, ["01", "02"]);
});

test("a release after the end, or of another transfer, does nothing", () => {
  const r = receiver(0, true);
  r.begin();
  r.give(frame(DATA, 0, [5]));
  bulkAbort(r.link);
  assert.is(r.sent(), F(ABORT, 0));
  r.releases[0]();
  assert.is(r.sent(), "");
  r.begin();
  r.releases[0]();
  assert.is(r.sent(), "");
  assert.equal(r.ends, [4]);
});

test.run();
