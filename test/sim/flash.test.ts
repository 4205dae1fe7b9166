import * as assert from "uvu/assert";
import fc from "../generate.js";
import { NorFlash, PowerCut, type FlashModel, type Tear } from "../../sim/flash.js";
import { SerialNor } from "../../sim/nor.js";
import { Random } from "../../sim/random.js";
import { suite } from "../suite.js";

const test = suite("flash");
const model: FlashModel = {
  start: 0x1000,
  length: 4096,
  page: 1024,
  unit: 4,
  eraseTime: 85_000,
  programTime: 41,
  writeLimit: { bytes: 512, count: 4 },
  endurance: 3,
};

test("programming only clears bits, erasing sets a page and no more", () => {
  const step = fc.oneof(
    fc.record({ erase: fc.constant(true), at: fc.nat(1023), data: fc.constant(new Uint8Array(0)) }),
    fc.record({ erase: fc.constant(false), at: fc.nat(1000), data: fc.uint8Array({ minLength: 4, maxLength: 64 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const flash = new NorFlash(model);
      const expected = new Uint8Array(model.length).fill(0xff);
      for (const { erase, at, data } of steps) {
        if (erase) {
          flash.erase(model.start + at * 4);
          expected.fill(0xff, Math.floor((at * 4) / 1024) * 1024, Math.floor((at * 4) / 1024) * 1024 + 1024);
        } else {
          const part = data.subarray(0, data.length & -4);
          flash.program(model.start + at * 4, part);
          part.forEach((byte, i) => (expected[at * 4 + i] &= byte));
        }
      }
      assert.equal(flash.cells, expected);
    }),
  );
});

test("a torn operation changes a subset of the bits it would have changed, and throws", () => {
  const tears = fc.oneof(
    fc.constantFrom<Tear>({ how: "none" }, { how: "all" }, { how: "allButLast" }),
    fc.nat().map((seed): Tear => ({ how: "subset", random: new Random(seed) })),
  );
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
      tears,
      fc.boolean(),
      (before, data, tear, erase) => {
        const flash = new NorFlash(model);
        flash.program(model.start, before);
        const old = flash.cells.slice();
        const whole = old.map((byte, i) => (erase ? (i < 1024 ? 0xff : byte) : i < 8 ? byte & data[i] : byte));
        flash.guard = () => tear;
        assert.throws(
          () => {
            if (erase) flash.erase(model.start);
            else flash.program(model.start, data);
          },
          (error: unknown) => error instanceof PowerCut,
        );
        flash.cells.forEach((byte, i) => {
          const may = old[i] ^ whole[i];
          assert.is((byte ^ old[i]) & ~may, 0, "a bit changed that no operation would change");
          if (tear.how === "none") assert.is(byte, old[i]);
          if (tear.how === "all") assert.is(byte, whole[i]);
        });
        assert.is(flash.counts.torn, 1);
      },
    ),
  );
});

test("subsets differ by their seed and reach both extremes' neighbourhood", () => {
  const counts = new Set<number>();
  for (let seed = 0; seed < 60; seed++) {
    const flash = new NorFlash(model);
    flash.guard = () => ({ how: "subset", random: new Random(seed) });
    assert.throws(() => flash.program(model.start, new Uint8Array(4)));
    counts.add(flash.cells.subarray(0, 4).reduce((sum, byte) => sum + byte.toString(2).replace(/0/g, "").length, 0));
  }
  assert.ok(counts.size > 8);
});

test("what the data sheet forbids is counted and told", () => {
  const flash = new NorFlash(model);
  const told: string[] = [];
  flash.onViolation = (what) => told.push(what);
  flash.program(model.start + 2, new Uint8Array(4));
  flash.program(model.start, new Uint8Array(3));
  assert.is(told.length, 2);
  for (let i = 0; i < 2; i++) flash.program(model.start + 8, new Uint8Array(4));
  assert.is(told.length, 2);
  flash.program(model.start + 12, new Uint8Array(4));
  assert.match(told[2], /more than 4 programs/);
  for (let i = 0; i < 4; i++) flash.erase(model.start);
  assert.match(told[3], /erased more than 3 times/);
  flash.program(0, new Uint8Array(4));
  flash.erase(0x9000);
  assert.is(flash.counts.violations, 6);
});

test("operations stall the processor as long as the data sheet says", () => {
  const flash = new NorFlash(model);
  const stalls: number[] = [];
  flash.onStall = (time) => stalls.push(time);
  flash.erase(model.start);
  flash.program(model.start, new Uint8Array(8));
  assert.equal(stalls, [85_000, 82]);
});

test("a serial NOR chip obeys its instructions", () => {
  const chip = new SerialNor(1 << 20);
  const send = (...bytes: number[]): Uint8Array => chip.transfer(Uint8Array.from(bytes), 0).answer;
  assert.equal([...send(0x9f, 0, 0, 0)].slice(1), [0xef, 0x40, 20]);
  send(0x02, 0, 0, 0, 1, 2, 3);
  assert.is(chip.flash.cells[0], 0xff, "programmed without write enable");
  send(0x06);
  assert.is(send(0x05, 0)[1], 2);
  send(0x02, 0, 0, 254, 1, 2, 3);
  assert.equal([chip.flash.cells[254], chip.flash.cells[255], chip.flash.cells[0]], [1, 2, 3], "wraps inside the page");
  const busy = chip.transfer(Uint8Array.from([0x03, 0, 0, 254, 0]), 0).answer;
  assert.is(busy[4], 0xff, "answers nothing while busy");
  const { wait } = chip.transfer(Uint8Array.from([0x05, 0]), 0);
  assert.ok(wait > 0);
  assert.is(chip.transfer(Uint8Array.from([0x03, 0, 0, 254, 0]), wait).answer[4], 1);
});

test.run();
