import fc from "../generate.js";
import * as assert from "uvu/assert";
import {
  SW_CLASS,
  SW_LENGTH,
  SW_OK,
  createCommand,
  decodeCommand,
  encodeCommand,
  endResponse,
  statusWord,
} from "../../src/core/link/apdu.js";
import { suite } from "../suite.js";

const test = suite("APDU");
const decode = (hex: string): string => {
  const bytes = Buffer.from(hex.replace(/ /g, ""), "hex");
  const command = createCommand();
  const status = decodeCommand(command, bytes, bytes.length);
  return status === SW_OK
    ? `${Buffer.from(bytes.subarray(command.offset, command.offset + command.length)).toString("hex")} le ${String(command.le)}`
    : status.toString(16);
};

test("all cases of ISO/IEC 7816-3, 12.1.3", () => {
  assert.is(decode("00 a4 04 00"), " le 0", "1");
  assert.is(decode("00 a4 04 00 10"), " le 16", "2, short");
  assert.is(decode("00 a4 04 00 00"), " le 256", "2, short, 256");
  assert.is(decode("00 a4 04 00 02 3f 00"), "3f00 le 0", "3, short");
  assert.is(decode("00 a4 04 00 02 3f 00 05"), "3f00 le 5", "4, short");
  assert.is(decode("00 a4 04 00 02 3f 00 00"), "3f00 le 256", "4, short, 256");
  assert.is(decode("00 a4 04 00 00 01 00"), " le 256", "2, extended");
  assert.is(decode("00 a4 04 00 00 00 00"), " le 65536", "2, extended, 65,536");
  assert.is(decode("00 a4 04 00 00 00 02 3f 00"), "3f00 le 0", "3, extended");
  assert.is(decode("00 a4 04 00 00 00 02 3f 00 01 00"), "3f00 le 256", "4, extended");
  assert.is(decode("00 a4 04 00 00 00 02 3f 00 00 00"), "3f00 le 65536", "4, extended, 65,536");
});

test("lengths that fit no case", () => {
  for (const wrong of [
    "",
    "00",
    "00 a4 04",
    "00 a4 04 00 02 3f",
    "00 a4 04 00 02 3f 00 05 06",
    "00 a4 04 00 00 01",
    "00 a4 04 00 00 00 00 01",
    "00 a4 04 00 00 00 02 3f",
    "00 a4 04 00 00 00 02 3f 00 05",
    "00 a4 04 00 00 ff ff 00",
  ])
    assert.is(decode(wrong), SW_LENGTH.toString(16), wrong);
  assert.is(decode("ff a4 04 00"), SW_CLASS.toString(16));
});

test("what is encoded is decoded, in the short form where it fits, with the data lying anywhere in the buffer", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 4, maxLength: 4 }).filter(([cla]) => cla !== 255),
      fc.uint8Array({ maxLength: 600 }),
      fc.oneof(fc.constant(0), fc.constantFrom(1, 255, 256, 257, 65_536), fc.integer({ min: 1, max: 65_536 })),
      fc.integer({ min: 0, max: 40 }),
      (head, data, le, at) => {
        const buffer = new Uint8Array(700);
        buffer.set(data, at);
        const header = ((head[0] << 24) | (head[1] << 16) | (head[2] << 8) | head[3]) >>> 0;
        const length = encodeCommand(buffer, header, data.length ? buffer.subarray(at, at + data.length) : null, le);
        const command = createCommand();
        buffer.fill(0xa5, length);
        assert.is(decodeCommand(command, buffer, length), SW_OK);
        assert.equal([command.cla, command.ins, command.p1, command.p2], [...head]);
        assert.equal(buffer.slice(command.offset, command.offset + command.length), data);
        assert.is(command.le, le);
        const wide = data.length > 255 || le > 256;
        const lengthField = data.length ? (wide ? 3 : 1) : 0;
        const leField = le ? (wide ? (data.length ? 2 : 3) : 1) : 0;
        assert.is(length, 4 + lengthField + data.length + leField);
      },
    ),
  );
});

test("hostile bytes: the result depends on nothing beyond the length, and never points there", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.boolean(), (bytes, zeroLc) => {
      const message = bytes.slice();
      if (zeroLc && message.length > 4) message[4] = 0;
      const results = [0x00, 0xff].map((fill) => {
        const buffer = new Uint8Array(700).fill(fill);
        buffer.set(message);
        const command = createCommand();
        const status = decodeCommand(command, buffer, message.length);
        assert.ok(command.offset + command.length <= message.length);
        return { status, offset: command.offset, length: command.length, le: command.le };
      });
      assert.equal(results[0], results[1]);
    }),
    { numRuns: 5000 },
  );
});

test("status words end a response; one byte is none", () => {
  const buffer = new Uint8Array(10);
  assert.is(endResponse(buffer, 3, 0x6a82), 5);
  assert.is(statusWord(buffer, 5), 0x6a82);
  assert.is(statusWord(buffer, 1), 0);
});

test.run();
