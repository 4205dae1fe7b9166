import fc from "../generate.js";
import { createHash, hkdfSync } from "node:crypto";
import * as assert from "uvu/assert";
import { adoptNatives } from "../../src/core/adopt.js";
import { createFlow, flowEnd, flowRead, flowStart, flowWrite, openContent, sealContent } from "../../src/core/stream/flow.js";
import { HEADER_CHUNK_SIZE, HEADER_LENGTH, headerEncode } from "../../src/core/stream/header.js";
import {
  createStream,
  sealedLength,
  streamChunks,
  streamOpenChunk,
  streamSealChunk,
  streamStart,
  streamWipe,
  type Suite,
} from "../../src/core/stream/stream.js";
import { suite1 } from "../../src/core/stream/suite1.js";
import { suite2 } from "../../src/core/stream/suite2.js";
import { suite } from "../suite.js";
import * as aead from "./reference/aead.js";
import * as box from "./reference/secretbox.js";
import { hex, inModes, text } from "./support.js";

const test = suite("Stream");
const suites = [suite1, suite2];
const titleKey = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
const makePlain = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255);

function makeHeader(suiteId: number, chunkSize: number): Uint8Array {
  const header = new Uint8Array(HEADER_LENGTH);
  const contentId = text("content id 12345");
  headerEncode(header, { suite: suiteId, chunkSize, contentId, titleKeyVersion: 258, salt: text("salt of 16 bytes") });
  return header;
}

/** The sealed chunk as anyone else would make it from the format's description. */
function sealByReference(header: Uint8Array, index: number, last: boolean, plain: Uint8Array): Uint8Array {
  const hash = createHash("sha256").update(header).digest();
  const keys = new Uint8Array(hkdfSync("sha256", titleKey, hash, `leyden stream suite ${String(header[5])}`, 48));
  const place = Buffer.alloc(9);
  place.writeBigUInt64BE(BigInt(index));
  place[8] = last ? 1 : 0;
  if (header[5] === 1) return box.secretbox(keys.subarray(0, 32), Uint8Array.from([...keys.subarray(32, 47), ...place]), plain);
  const iv = aead.cbc(keys.subarray(32), new Uint8Array(16), Uint8Array.from([...place, 0, 0, 0, 0, 0, 0, 0]), false);
  return aead.seal(keys.subarray(0, 32), iv, Uint8Array.from([...hash, ...place]), plain);
}

for (const one of suites) {
  test(`suite ${String(one.id)}: every chunk length is as the format says, in every mode`, () => {
    inModes(() => {
      const header = makeHeader(one.id, 80);
      const stream = createStream(suites, 80);
      assert.ok(streamStart(stream, header, titleKey));
      for (let length = 0; length <= 80; length++) {
        const plain = makePlain(length);
        const out = new Uint8Array(112);
        const clear = new Uint8Array(80);
        for (const [index, last] of length === 80
          ? ([
              [0, false],
              [7, false],
              [2 ** 32 + 5, true],
            ] as const)
          : ([[length ? 70000 : 0, true]] as const)) {
          const sealed = out.subarray(0, streamSealChunk(stream, index, last, plain, out));
          assert.is(sealed.length, one.sealedChunk(length));
          assert.is(hex(sealed), hex(sealByReference(header, index, last, plain)));
          assert.is(streamOpenChunk(stream, index, last, sealed, clear), length);
          assert.is(hex(clear.subarray(0, length)), hex(plain));
        }
      }
      streamWipe(stream);
      assert.ok([...stream.keys, ...stream.buffer].every((byte) => byte === 0));
    });
  });

  test(`suite ${String(one.id)}: a chunk opens nowhere but in its place, under its header and key, and unchanged`, () => {
    inModes(() => {
      const header = makeHeader(one.id, 32);
      const stream = createStream(suites, 32);
      const sealed = new Uint8Array(one.sealedChunk(32));
      const clear = new Uint8Array(32).fill(7);
      streamStart(stream, header, titleKey);
      streamSealChunk(stream, 5, false, makePlain(32), sealed);
      const refused = (index = 5, last = false, bytes = sealed) => {
        assert.is(streamOpenChunk(stream, index, last, bytes, clear), -1);
        assert.ok(clear.every((byte) => byte === 7));
      };
      for (const index of [0, 4, 6, 5 + 65536, 5 + 2 ** 32, 2 ** 53 - 1]) refused(index);
      refused(5, true);
      for (let at = 0; at < 8 * sealed.length; at++) {
        const changed = sealed.slice();
        changed[at >> 3] ^= 1 << (at & 7);
        refused(5, false, changed);
      }
      for (let length = 0; length < sealed.length; length++) refused(5, false, sealed.subarray(0, length));
      refused(5, false, Uint8Array.from([...sealed, 0]));
      for (let at = 6; at < 42; at++) {
        const other = header.slice();
        other[at] ^= 1;
        if (streamStart(stream, other, titleKey)) {
          if (stream.chunkSize === 32) refused();
          else assert.is(streamOpenChunk(stream, 5, false, sealed, new Uint8Array(stream.chunkSize)), -1);
        }
      }
      streamStart(
        stream,
        header,
        titleKey.map((byte) => byte ^ 1),
      );
      refused();
      streamStart(stream, header, titleKey);
      assert.is(streamOpenChunk(stream, 5, false, sealed, clear), 32);
    });
  });

  test(`suite ${String(one.id)}: sealing over the plaintext and opening over the sealed bytes`, () => {
    inModes(() => {
      const buffer = new Uint8Array(128);
      const stream = createStream(suites, 80);
      streamStart(stream, makeHeader(one.id, 80), titleKey);
      buffer.set(makePlain(80));
      const length = streamSealChunk(stream, 0, false, buffer.subarray(0, 80), buffer);
      assert.is(streamOpenChunk(stream, 0, false, buffer.subarray(0, length), buffer), 80);
      assert.is(hex(buffer.subarray(0, 80)), hex(makePlain(80)));
    });
  });
}

/** How input is handed over: all at once, byte by byte, and in pieces that fit nothing; output likewise. */
const deliveries: [string, (left: number) => number][] = [
  ["at once", (left) => left],
  ["byte by byte", () => 1],
  ["by 7", () => 7],
  ["by 33", () => 33],
  ["by 1,000", () => 1000],
];

function deliver(
  one: Suite,
  sealing: boolean,
  bytes: Uint8Array,
  piece: (left: number) => number,
): { output: Uint8Array; complete: boolean } {
  const flow = createFlow([one], 32);
  const output: number[] = [];
  const out = new Uint8Array(piece(64));
  const drain = () => {
    for (let count = flowRead(flow, out); count > 0; count = flowRead(flow, out)) output.push(...out.subarray(0, count));
  };
  if (!flowStart(flow, sealing, makeHeader(one.id, 32), titleKey)) return { output: new Uint8Array(0), complete: false };
  for (let at = 0; at < bytes.length;) {
    const taken = flowWrite(flow, bytes.subarray(at, at + piece(bytes.length - at)));
    if (taken < 0) return { output: Uint8Array.from(output), complete: false };
    at += taken;
    drain();
  }
  drain();
  const complete = flowEnd(flow);
  drain();
  return { output: Uint8Array.from(output), complete };
}

for (const one of suites) {
  for (const [name, piece] of deliveries) {
    test(`suite ${String(one.id)}, delivered ${name}: seals and opens around the borders; failing ones release a prefix`, () => {
      for (const length of [0, 1, 15, 16, 31, 32, 33, 63, 64, 65, 96, 100]) {
        const plain = makePlain(length);
        const sealed = deliver(one, true, plain, piece);
        assert.ok(sealed.complete);
        assert.is(sealed.output.length, sealedLength(length, 32, one));
        const opened = deliver(one, false, sealed.output, piece);
        assert.ok(opened.complete);
        assert.is(hex(opened.output), hex(plain));
      }
      const plain = makePlain(100);
      const whole = one.sealedChunk(32);
      const sealed = sealContent(one, makeHeader(one.id, 32), titleKey, plain).subarray(HEADER_LENGTH);
      const chunk = (i: number) => [...sealed.subarray(i * whole, (i + 1) * whole)];
      const otherHeader = makeHeader(one.id, 32);
      otherHeader[26] ^= 1;
      const other = sealContent(one, otherHeader, titleKey, plain).subarray(HEADER_LENGTH);
      const shorter = sealContent(one, makeHeader(one.id, 32), titleKey, makePlain(96)).subarray(HEADER_LENGTH);
      const attacks: [string, number[]][] = [
        ["reordered", [...chunk(1), ...chunk(0), ...chunk(2), ...chunk(3)]],
        ["doubled", [...chunk(0), ...chunk(0), ...chunk(1), ...chunk(2), ...chunk(3)]],
        ["doubled at the end", [...sealed, ...chunk(3)]],
        ["one left out", [...chunk(0), ...chunk(2), ...chunk(3)]],
        ["the last left out", [...chunk(0), ...chunk(1), ...chunk(2)]],
        ["spliced", [...chunk(0), ...other.subarray(whole)]],
        ["spliced at the end", [...chunk(0), ...chunk(1), ...shorter.subarray(2 * whole), ...chunk(3)]],
        ["extended by a byte", [...sealed, 0]],
        ["extended by a chunk", [...sealed, ...new Uint8Array(whole)]],
        ["nothing", []],
      ];
      for (let cut = 1; cut < sealed.length; cut += cut % 8 === 1 ? 7 : 1)
        attacks.push([`cut at ${String(cut)}`, [...sealed.subarray(0, cut)]]);
      for (let at = 0; at < sealed.length; at += 3) {
        const flipped = [...sealed];
        flipped[at] ^= 1 << (at % 8);
        attacks.push([`bit of byte ${String(at)}`, flipped]);
      }
      for (const [attack, bytes] of attacks) {
        const { output, complete } = deliver(one, false, Uint8Array.from(bytes), piece);
        assert.not(complete, attack);
        assert.is(hex(output), hex(plain.subarray(0, output.length)), attack);
        assert.is(output.length % 32, 0, attack);
      }
    });
  }

  test(`suite ${String(one.id)}: one call opens what one call seals, and nothing else`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 100 }), fc.nat(), (plain, chunkSize, at) => {
        const sealed = sealContent(one, makeHeader(one.id, chunkSize), titleKey, plain);
        assert.is(hex(openContent(suites, titleKey, sealed) ?? text("refused")), hex(plain));
        sealed[at % sealed.length] ^= 1;
        assert.is(openContent(suites, titleKey, sealed), undefined);
      }),
      { numRuns: 60 },
    );
  });

  test(`suite ${String(one.id)}: a seek from the end opens the last chunk first; chunk counts of every length`, () => {
    const stream = createStream([one], 32);
    const clear = new Uint8Array(32);
    streamStart(stream, makeHeader(one.id, 32), titleKey);
    for (const length of [0, 1, 31, 32, 33, 100]) {
      const sealed = sealContent(one, makeHeader(one.id, 32), titleKey, makePlain(length)).subarray(HEADER_LENGTH);
      const count = streamChunks(stream, sealed.length);
      assert.is(count, Math.max(1, Math.ceil(length / 32)));
      const from = (count - 1) * one.sealedChunk(32);
      assert.is(streamOpenChunk(stream, count - 1, true, sealed.subarray(from), clear), length - (count - 1) * 32);
      if (count > 1) assert.is(streamOpenChunk(stream, count - 2, true, sealed.subarray(from - one.sealedChunk(32), from), clear), -1);
    }
    for (let length = 0; length < 200; length++) {
      const count = streamChunks(stream, length);
      const rest = length - (count - 1) * one.sealedChunk(32);
      assert.ok(count === 0 || (rest > 0 && rest <= one.sealedChunk(32) && rest >= one.sealedChunk(count > 1 ? 1 : 0)));
    }
    assert.is(streamChunks(stream, 0), 0);
  });
}

test("headers that are not of this format, name an absent suite or need a larger buffer are refused", () => {
  const stream = createStream([suite1], 32);
  const good = makeHeader(1, 32);
  assert.ok(streamStart(stream, good, titleKey));
  for (const at of [0, 1, 2, 3, 4, 5, 42, 43, 44, 45, 46, 47]) {
    const bad = good.slice();
    bad[at] ^= 3;
    assert.not(streamStart(stream, bad, titleKey), String(at));
  }
  assert.not(streamStart(stream, makeHeader(2, 32), titleKey));
  const empty = makeHeader(1, 1);
  empty[HEADER_CHUNK_SIZE + 1] = 0;
  assert.not(streamStart(stream, empty, titleKey));
  assert.not(streamStart(stream, makeHeader(1, 48), titleKey));
  assert.not(streamStart(stream, good.subarray(1), titleKey));
  assert.throws(() => streamOpenChunk(stream, 0, true, new Uint8Array(16), new Uint8Array(32)), /streamStart/);
});

test("callers' mistakes are named", () => {
  const stream = createStream(suites, 32);
  const out = new Uint8Array(80);
  streamStart(stream, makeHeader(1, 32), titleKey);
  assert.throws(() => streamSealChunk(stream, 0, false, new Uint8Array(31), out), /plain: expected 32 bytes, got 31/);
  assert.throws(() => streamSealChunk(stream, 0, true, new Uint8Array(33), out), /plain: expected 0 to 32 bytes, got 33/);
  assert.throws(() => streamSealChunk(stream, 1, true, new Uint8Array(0), out), /plain: expected 1 to 32 bytes, got 0/);
  assert.throws(() => streamSealChunk(stream, 0, true, new Uint8Array(4), new Uint8Array(19)), /out: expected 20 bytes or more, got 19/);
  assert.throws(() => streamOpenChunk(stream, 0, true, new Uint8Array(20), new Uint8Array(31)), /out: expected 32 bytes or more, got 31/);
  for (const index of [-1, 0.5, NaN, 2 ** 53])
    assert.throws(
      () => streamOpenChunk(stream, index, true, new Uint8Array(20), out),
      new RegExp(`index: expected a whole number .*, got ${index}`),
    );
  const plain = new Uint8Array(out.buffer, 8, 32);
  assert.throws(
    () => streamSealChunk(stream, 0, false, plain, out.subarray(0, 48)),
    /out: expected memory apart from plain, got an overlap from byte -8 of it on/,
  );
  assert.throws(() => streamOpenChunk(stream, 0, false, out.subarray(0, 48), out.subarray(40)), /out: expected memory apart from sealed/);
  assert.is(streamSealChunk(stream, 0, false, out.subarray(0, 32), out), 48);
  assert.is(streamOpenChunk(stream, 0, false, out.subarray(0, 48), out), 32);
  assert.is(streamOpenChunk(stream, 0, false, out.subarray(0, 48), out.subarray(48)), -1);
  const lost = new Uint8Array(48);
  structuredClone(lost.buffer, { transfer: [lost.buffer] });
  assert.throws(() => streamSealChunk(stream, 0, false, out.subarray(0, 32), lost), /out: expected 48 bytes or more, got 0/);
  assert.throws(() => streamSealChunk(stream, 0, false, lost, out), /plain: expected 32 bytes, got 0/);
  assert.throws(() => streamStart(stream, makeHeader(1, 32), new Uint8Array(31)), /titleKey: expected 32 bytes, got 31/);
  assert.throws(() => sealContent(suite2, makeHeader(1, 32), titleKey, out), /header: expected one of suite 2, got suite 1/);
});

test("nothing of a chunk stays in the work space once it has been opened", () => {
  inModes(() => {
    for (const suite of suites) {
      const stream = createStream([suite], 64);
      const plain = new Uint8Array(64).fill(0xa7);
      const sealed = new Uint8Array(96);
      const out = new Uint8Array(64);
      streamStart(stream, makeHeader(suite.id, 64), titleKey);
      const length = streamSealChunk(stream, 0, false, plain, sealed);
      assert.is(streamOpenChunk(stream, 0, false, sealed.subarray(0, length), out), 64);
      assert.equal(out, plain);
      assert.not(Buffer.from(stream.buffer).includes(Buffer.alloc(8, 0xa7)));
      // Memory of the caller that does not begin at a whole word serves as well.
      const odd = new Uint8Array(67).subarray(3);
      assert.is(streamOpenChunk(stream, 0, false, sealed.subarray(0, length), odd), 64);
      assert.equal(new Uint8Array(odd), plain);
    }
  });
});

test("whole chunks of any size open in every mode, also where they are not whole words", () => {
  inModes(() => {
    for (const one of suites) {
      for (const size of [1, 2, 3, 15, 16, 17, 30, 77, 78, 79, 80]) {
        const stream = createStream([one], size);
        const sealed = new Uint8Array(one.sealedChunk(size));
        const out = new Uint8Array(size + 2).fill(9);
        streamStart(stream, makeHeader(one.id, size), titleKey);
        for (const last of [false, true]) {
          assert.is(streamSealChunk(stream, 3, last, makePlain(size), sealed), sealed.length);
          for (const from of [0, 1, 2]) {
            assert.is(streamOpenChunk(stream, 3, last, sealed, out.subarray(from)), size);
            assert.is(hex(out.subarray(from, from + size)), hex(makePlain(size)));
            assert.ok(out.subarray(from + size).every((byte) => byte === 9));
            out.fill(9);
          }
        }
      }
    }
  });
});

test("an engine that can put its memory in order does so before every 16th chunk, and only then", () => {
  let times = 0;
  const stream = createStream([suite1], 32);
  const sealed = new Uint8Array(48);
  adoptNatives({
    collect: () => {
      times++;
    },
  });
  streamStart(stream, makeHeader(1, 32), titleKey);
  streamSealChunk(stream, 0, false, makePlain(32), sealed);
  for (let i = 0; i < 33; i++) streamOpenChunk(stream, 0, false, sealed, new Uint8Array(32));
  assert.is(times, 3);
  adoptNatives({});
});

test("64 MiB through one flow: no chunk makes the heap grow", () => {
  const flow = createFlow([suite1], 4096);
  const piece = makePlain(65536);
  const out = new Uint8Array(8192);
  flowStart(flow, true, makeHeader(1, 4096), titleKey);
  let before = 0;
  let total = 0;
  for (let i = 0; i < 1024; i++) {
    if (i === 256) before = process.memoryUsage().arrayBuffers;
    for (let at = 0; at < piece.length;) {
      at += flowWrite(flow, piece.subarray(at, at + 4096));
      total += flowRead(flow, out);
    }
  }
  assert.ok(total > 66_000_000);
  assert.ok(process.memoryUsage().arrayBuffers - before < 65536, "array buffers grew");
});

test.run();
