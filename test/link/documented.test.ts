import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { bulkReceive, bulkSend } from "../../src/core/link/bulk.js";
import { encodeCommand } from "../../src/core/link/apdu.js";
import { linkReset } from "../../src/core/link/t1.js";
import { suite } from "../suite.js";
import { end } from "./end.js";
import { block } from "./wire.js";

/** Examples of docs/protocol.md by name: rows of the tables headed "example". */
const examples = new Map<string, string>();
let inside = false;
for (const line of readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8").split("\n")) {
  const [, name, value] = line.split("|").map((cell) => cell.trim());
  if (name === "example") inside = true;
  else if (!line.startsWith("|")) inside = false;
  else if (inside && !/^-+$/.test(name)) examples.set(name, value.replace(/ /g, "").toLowerCase());
}

const device = (): ReturnType<typeof end> => end(1);
const actual: Record<string, () => string> = {
  "Answer to reset of a card": () => {
    const d = device();
    linkReset(d.link);
    return d.sent();
  },
  "I(0,0), GET DATA 0101": () => {
    const h = end(0);
    const command = new Uint8Array(10);
    h.send(command.subarray(0, encodeCommand(command, 0x00ca0101, null, 256)));
    return h.sent();
  },
  "I(0,0), status 9000": () => {
    const d = device();
    d.give(block(0, [1]));
    d.send([0x90, 0]);
    return d.sent();
  },
  "R(1), no error": () => device().give(block(0x20, [1])),
  "R(0), wrong LRC": () => {
    const d = device();
    d.give(Uint8Array.of(0, 0, 1, 5, 5));
    return d.wait(101);
  },
  "S(RESYNCH request), response": () => {
    const h = end(0, false);
    h.send([1]);
    return `${h.sent()},${device().give(block(0xc0))}`;
  },
  "S(WTX request), response": () => {
    const d = device();
    const h = end(0);
    d.give(block(0, [1]));
    h.send([1]);
    h.sent();
    const request = d.wait(301);
    return `${request},${h.give(Uint8Array.from(Buffer.from(request, "hex")))}`;
  },
  "S(SWR request)": () => {
    const h = end(0);
    linkReset(h.link);
    return h.sent();
  },
  "DATA 7 with content 01 02 03": () => {
    const d = device();
    const content = Uint8Array.of(1, 2, 3);
    bulkSend(
      d.link,
      9,
      (index, out) => {
        out.set(content);
        return index === 7 ? 3 : 0;
      },
      () => undefined,
    );
    const grants = [0x12, 0x12, 0x12, 0x12, 0x12].map((kind, i) => grant(kind, 2 * i));
    return d.give(...grants).split(" ")[7];
  },
  "AGAIN, two frames from 0": () => {
    const h = end(0);
    bulkReceive(
      h.link,
      () => true,
      () => undefined,
    );
    return h.sent();
  },
};

function grant(kind: number, index: number): Uint8Array {
  const h = end(0);
  const frames: Uint8Array[] = [];
  h.link.port.write = (bytes) => void frames.push(bytes.slice());
  bulkReceive(
    h.link,
    () => true,
    () => undefined,
  );
  const frame = frames[0];
  frame[1] = kind;
  frame[7] = index;
  new DataView(frame.buffer).setUint32(8, crc(frame.subarray(0, 8)));
  return frame;
}

/** CRC-32 bit by bit, from the polynomial. */
function crc(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let i = 0; i < 8; i++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}

const test = suite("documented examples");

test("every example of the protocol's description is tried", () => {
  assert.equal([...examples.keys()].sort(), Object.keys(actual).sort());
});

for (const [name, make] of Object.entries(actual)) test(name, () => assert.is(make(), examples.get(name)));

test.run();
