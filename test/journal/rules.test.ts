import * as assert from "uvu/assert";
import { put32 } from "../../src/core/bytes.js";
import { crc32 } from "../../src/core/hash/crc32.js";
import {
  JOURNAL_FORGED,
  JOURNAL_SLOTS,
  JOURNAL_VALUE,
  createJournal,
  journalDelete,
  journalGet,
  journalKey,
  journalNext,
  journalPut,
  journalRecycle,
  journalRekey,
} from "../../src/core/journal.js";
import { suite } from "../suite.js";
import { TornFlash } from "./flash.js";

const test = suite("journal");
const bytes = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);
const read = (journal: ReturnType<typeof createJournal>, type: number, index: number): string => {
  const out = new Uint8Array(JOURNAL_VALUE);
  const length = journalGet(journal, type, index, out);
  return length < 0 ? "forged" : Buffer.from(out.subarray(0, length)).toString("hex");
};
const holds = (flash: TornFlash, value: Uint8Array): boolean =>
  flash.regions.some((region) => Buffer.from(region).includes(Buffer.from(value)));

test("a value of every length is read back, also after a restart; one byte more than the longest is refused", () => {
  for (let length = 1; length <= JOURNAL_VALUE; length++) {
    const flash = new TornFlash(4096);
    assert.ok(journalPut(createJournal(flash), 9, 3, bytes(length, 0xff)));
    assert.is(read(createJournal(flash), 9, 3), "ff".repeat(length));
  }
  assert.not(journalPut(createJournal(new TornFlash(4096)), 9, 3, bytes(JOURNAL_VALUE + 1, 1)));
});

test("a short output gets the beginning, and the length tells", () => {
  const journal = createJournal(new TornFlash(4096));
  const out = bytes(2, 0);
  journalPut(journal, 5, 0, new Uint8Array([1, 2, 3]));
  assert.is(journalGet(journal, 5, 0, out), 3);
  assert.equal(out, new Uint8Array([1, 2]));
});

test("types 0 and 255 are refused, since erased flash reads so", () => {
  const journal = createJournal(new TornFlash(4096));
  assert.not(journalPut(journal, 0, 1, bytes(1, 1)));
  assert.not(journalPut(journal, 255, 1, bytes(1, 1)));
});

test("indices of a type are found in order, and deleted ones are not", () => {
  const journal = createJournal(new TornFlash(4096));
  for (const index of [200, 3, 0, 255]) journalPut(journal, 4, index, bytes(1, index || 1));
  journalPut(journal, 5, 7, bytes(1, 1));
  assert.ok(journalDelete(journal, 4, 3));
  assert.equal(
    [0, 1, 201].map((from) => journalNext(journal, 4, from)),
    [0, 200, 255],
  );
  assert.is(journalNext(journal, 6, 0), -1);
  assert.is(read(journal, 4, 3), "");
});

test("with all slots taken a new name is refused, an old one still changes, and a deleted one makes room", () => {
  const journal = createJournal(new TornFlash(8192));
  for (let i = 0; i < JOURNAL_SLOTS; i++) assert.ok(journalPut(journal, 2, i, bytes(1, i + 1)));
  assert.not(journalPut(journal, 3, 0, bytes(1, 1)));
  assert.ok(journalPut(journal, 2, 0, bytes(1, 99)));
  assert.ok(journalDelete(journal, 2, 1));
  assert.ok(journalPut(journal, 3, 0, bytes(1, 7)));
  assert.is(read(journal, 3, 0) + read(journal, 2, 0), "0763");
});

test("when the live values fill the region the next is refused, and nothing is lost", () => {
  const flash = new TornFlash(512);
  const journal = createJournal(flash);
  let count = 0;
  while (journalPut(journal, 2, count, bytes(40, count + 1))) count++;
  assert.is(count, Math.floor((512 - 16) / 64));
  for (const opened of [journal, createJournal(flash)])
    for (let i = 0; i < count; i++) assert.is(read(opened, 2, i), Buffer.from(bytes(40, i + 1)).toString("hex"));
});

test("ten thousand changes keep their values, and erase each region once a lap", () => {
  const flash = new TornFlash(4096);
  const journal = createJournal(flash);
  for (let i = 0; i < 10_000; i++) assert.ok(journalPut(journal, 2, i % 5, bytes(12, i & 255)));
  assert.is(journal.erases, flash.erases);
  assert.ok(flash.erases <= Math.ceil((10_000 * 32) / (4096 - 16 - 5 * 32)) + 1, `${flash.erases} erases`);
  assert.is(createJournal(flash).generation, journal.generation);
  for (let i = 0; i < 5; i++) assert.is(read(createJournal(flash), 2, i), Buffer.from(bytes(12, (9995 + i) & 255)).toString("hex"));
});

test("a changed record with its CRC made right is told as forged, not believed and not passed over", () => {
  const flash = new TornFlash(1024);
  journalPut(createJournal(flash), 2, 0, bytes(8, 0x77));
  const record = flash.regions[0].subarray(16);
  record[8] = 0x76;
  put32(record, 24, crc32(record.subarray(0, 24)));
  const journal = createJournal(flash);
  const out = bytes(8, 0x11);
  assert.is(journalGet(journal, 2, 0, out), JOURNAL_FORGED);
  assert.equal(out, bytes(8, 0x11), "nothing of it is handed out");
});

test("a changed record with its old CRC counts as torn: the value before stands", () => {
  const flash = new TornFlash(1024);
  const journal = createJournal(flash);
  journalPut(journal, 2, 0, bytes(8, 0x11));
  journalPut(journal, 2, 0, bytes(8, 0x77));
  flash.regions[0][48 + 9] &= 0x70;
  assert.is(read(createJournal(flash), 2, 0), "11".repeat(8));
});

test("an old record copied to the end does not come back to life", () => {
  const flash = new TornFlash(1024);
  const journal = createJournal(flash);
  journalPut(journal, 2, 0, bytes(8, 0x11));
  journalPut(journal, 2, 0, bytes(8, 0x77));
  flash.regions[0].copyWithin(80, 16, 48);
  assert.is(read(createJournal(flash), 2, 0), "77".repeat(8));
});

test("nor does one that was deleted before the region was recycled", () => {
  const flash = new TornFlash(1024);
  let journal = createJournal(flash);
  for (let i = 0; i < 3; i++) journalPut(journal, 2, i, bytes(8, 0x11 + i));
  const old = flash.regions[0].slice(16 + 64, 16 + 96);
  for (let i = 0; i < 3; i++) journalDelete(journal, 2, i);
  journalRecycle(journal);
  journal = createJournal(flash);
  journalPut(journal, 3, 0, bytes(8, 0x22));
  flash.regions[1].set(old, 16 + 32);
  assert.is(read(createJournal(flash), 2, 2), "");
});

test("recycling leaves no byte of what was superseded or deleted", () => {
  const flash = new TornFlash(1024);
  const journal = createJournal(flash);
  journalPut(journal, 2, 0, bytes(8, 0x11));
  journalPut(journal, 2, 1, bytes(8, 0x12));
  journalPut(journal, 2, 0, bytes(8, 0x77));
  journalDelete(journal, 2, 1);
  assert.ok(holds(flash, bytes(8, 0x11)) && holds(flash, bytes(8, 0x12)));
  assert.ok(journalRecycle(journal));
  assert.not(holds(flash, bytes(8, 0x11)) || holds(flash, bytes(8, 0x12)));
  assert.is(read(journal, 2, 0), "77".repeat(8));
});

test("a region whose erase never began is erased at the next start", () => {
  const flash = new TornFlash(1024);
  const journal = createJournal(flash);
  journalPut(journal, 2, 0, bytes(8, 0x11));
  journalPut(journal, 2, 0, bytes(8, 0x77));
  const before = flash.regions[0].slice();
  journalRecycle(journal);
  flash.regions[0].set(before);
  assert.is(read(createJournal(flash), 2, 0), "77".repeat(8));
  assert.not(holds(flash, bytes(8, 0x11)));
});

test("under a key nothing of before is believed but the boot record; under another key nothing of it", () => {
  const flash = new TornFlash(1024);
  const journal = createJournal(flash);
  journalPut(journal, 1, 0, bytes(4, 1));
  journalPut(journal, 2, 0, bytes(4, 2));
  journalKey(journal, bytes(32, 9));
  journalPut(journal, 3, 0, bytes(4, 3));
  assert.equal(
    [1, 2, 3].map((type) => read(journal, type, 0)),
    ["01010101", "forged", "03030303"],
  );
  const opened = createJournal(flash);
  assert.equal(
    [1, 2, 3].map((type) => read(opened, type, 0)),
    ["01010101", "02020202", "forged"],
  );
});

test("rekeying carries the values over, and leaves forged ones behind", () => {
  const flash = new TornFlash(1024);
  const journal = createJournal(flash);
  journalPut(journal, 2, 0, bytes(4, 2));
  journalKey(journal, bytes(32, 9));
  journalPut(journal, 3, 0, bytes(4, 3));
  assert.ok(journalRekey(journal, bytes(32, 8), 1, 0, bytes(4, 1)));
  const opened = createJournal(flash);
  journalKey(opened, bytes(32, 8));
  for (const each of [journal, opened])
    assert.equal(
      [1, 2, 3].map((type) => read(each, type, 0)),
      ["01010101", "", "03030303"],
    );
});

test("recycling before the key is set keeps the records as they are", () => {
  const flash = new TornFlash(1024);
  const journal = createJournal(flash);
  journalKey(journal, bytes(32, 9));
  journalPut(journal, 3, 0, bytes(4, 3));
  const opened = createJournal(flash);
  journalRecycle(opened);
  journalKey(opened, bytes(32, 9));
  assert.is(read(opened, 3, 0), "03030303");
});

test("flash that does not take a byte makes put fail, or succeed elsewhere, and the value before stands", () => {
  const flash = new TornFlash(1024);
  const journal = createJournal(flash);
  journalPut(journal, 2, 0, bytes(8, 0x11));
  const program = flash.program.bind(flash);
  flash.program = (region, offset, data) =>
    program(
      region,
      offset,
      data.map((byte, i) => (i === 9 ? byte | 0x80 : byte)),
    );
  assert.not(journalPut(journal, 2, 0, bytes(8, 0x77)));
  assert.is(read(journal, 2, 0), "11".repeat(8));
  flash.program = program;
  assert.ok(journalPut(journal, 2, 0, bytes(8, 0x77)));
  assert.is(read(createJournal(flash), 2, 0), "77".repeat(8));
});

test("regions full of anything are laid anew and do not end the program", () => {
  for (let fill = 0; fill < 255; fill++) {
    const flash = new TornFlash(1024);
    flash.regions.forEach((region) => region.fill(fill));
    const journal = createJournal(flash);
    assert.is(journalNext(journal, fill, 0), -1);
    assert.ok(journalPut(journal, 2, 0, bytes(8, 0x11)));
    assert.is(read(createJournal(flash), 2, 0), "11".repeat(8));
  }
});

test("flash that programs 32 bytes at a time is used in units of 32", () => {
  const flash = new TornFlash(1024, 32);
  const journal = createJournal(flash);
  for (let i = 0; i < 100; i++) assert.ok(journalPut(journal, 2, i % 3, bytes(20, i)));
  assert.is(read(createJournal(flash), 2, 0), Buffer.from(bytes(20, 99)).toString("hex"));
});

test.run();
