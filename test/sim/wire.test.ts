import * as assert from "uvu/assert";
import fc from "../generate.js";
import { World } from "../../sim/world.js";
import type { HostPort, Noise, Wire } from "../../sim/wire.js";
import { suite } from "../suite.js";

const test = suite("wire");

function pair(options: { seed?: number; noise?: Noise; baud?: number; otherBaud?: number; burst?: number } = {}): {
  world: World;
  wire: Wire;
  a: HostPort;
  b: HostPort;
  got: Uint8Array[];
} {
  const world = new World({ seed: options.seed });
  const wire = world.wire({ name: "w", noise: options.noise, burst: options.burst });
  const a = world.hostPort("a", wire, 0, options.baud ?? 9600);
  const b = world.hostPort("b", wire, 1, options.otherBaud ?? options.baud ?? 9600);
  const got: Uint8Array[] = [];
  b.onReceive((bytes) => got.push(bytes));
  return { world, wire, a, b, got };
}
const all = (parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));

test("everything arrives, in order, when its last bit has", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
      fc.constantFrom(9600, 115_200, 1_000_000),
      fc.integer({ min: 1, max: 20_000 }),
      (writes, baud, burst) => {
        const { world, a, got } = pair({ baud, burst });
        for (const bytes of writes) a.write(bytes);
        world.clock.runUntilQuiet(1e12);
        assert.equal(all(got), all(writes));
        const length = all(writes).length;
        assert.ok(!length || Math.abs(world.clock.now - (length * 1e7) / baud) < 1e-3);
      },
    ),
  );
});

test("both directions at once", () => {
  const { world, a, b, got } = pair();
  const back: Uint8Array[] = [];
  a.onReceive((bytes) => back.push(bytes));
  a.write(new Uint8Array(96).fill(1));
  b.write(new Uint8Array(96).fill(2));
  world.clock.runUntilQuiet(1e12);
  assert.is(all(got).length + all(back).length, 192);
  assert.ok(Math.abs(world.clock.now - 1e5) < 1);
});

test("the trace has a frame for each run of bytes, without the bytes", () => {
  const { world, a } = pair();
  a.write(Uint8Array.of(1, 2, 3));
  a.write(Uint8Array.of(4));
  world.clock.runUntilQuiet(1e9);
  world.clock.runFor(1e6);
  a.write(Uint8Array.of(5));
  world.clock.runUntilQuiet(1e9);
  const frames = world.trace.of("frame");
  assert.equal(
    frames.map(({ length, start }) => [length, start]),
    [
      [4, 0],
      [1, 1_004_166.667],
    ],
  );
  assert.is(frames[0].bytes, undefined);
  assert.is(frames[0].crc, 0xb63cfbcd);
});

test("noise flips, loses and invents bytes at its rates, by seed", () => {
  const run = (seed: number): { bytes: Uint8Array; wire: Wire } => {
    const { world, wire, a, got } = pair({ seed, baud: 1_000_000, noise: { flip: 0.01, lose: 0.005, insert: 0.005 } });
    a.write(new Uint8Array(50_000).fill(0x55));
    world.clock.runUntilQuiet(1e12);
    return { bytes: all(got), wire };
  };
  const { bytes, wire } = run(3);
  const [{ flipped, lost, inserted }] = wire.counts;
  assert.ok(
    Math.abs(flipped - 500) < 100 && Math.abs(lost - 250) < 70 && Math.abs(inserted - 250) < 70,
    `${String(flipped)} ${String(lost)} ${String(inserted)}`,
  );
  assert.is(bytes.length, 50_000 - lost + inserted);
  assert.equal(run(3).bytes, bytes);
  assert.not.equal(run(4).bytes, bytes);
});

test("pulling the plug loses what is under way; the byte it hits arrives as anything or not at all", () => {
  const lengths = new Set<number>();
  for (let seed = 0; seed < 12; seed++) {
    const { world, wire, a, got } = pair({ seed });
    a.write(new Uint8Array(100));
    world.clock.runUntil(50_500);
    wire.unplug();
    a.write(Uint8Array.of(9));
    world.clock.runFor(1e6);
    lengths.add(all(got).length);
    wire.plug();
    a.write(Uint8Array.of(7));
    world.clock.runFor(1e6);
    assert.is(all(got).at(-1), 7);
    assert.is(world.trace.of("wire").length, 2);
  }
  assert.equal([...lengths].sort(), [48, 49]);
});

test("unequal baud rates give garbage", () => {
  const { world, a, got } = pair({ baud: 9600, otherBaud: 115_200 });
  a.write(new Uint8Array(64));
  world.clock.runUntilQuiet(1e9);
  assert.ok(all(got).some((byte) => byte !== 0));
});

test("a megabyte in chunks of 512 at 115200 baud arrives whole, each chunk for a credit", () => {
  const { world, a, b, got } = pair({ baud: 115_200 });
  let sent = 0;
  const chunk = new Uint8Array(512);
  a.onReceive(() => {
    if (sent >= 1 << 20) return;
    sent += 512;
    a.write(chunk);
  });
  let have = 0;
  b.onReceive((bytes) => {
    have += bytes.length;
    if (have % 512 === 0) b.write(Uint8Array.of(1));
  });
  b.write(Uint8Array.of(1));
  world.clock.runUntilQuiet(1e12);
  assert.is(have, 1 << 20);
  assert.is(got.length, 0);
});

test.run();
