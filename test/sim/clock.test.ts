import * as assert from "uvu/assert";
import fc from "../generate.js";
import { Clock, DAY, SECOND } from "../../sim/clock.js";
import { Random } from "../../sim/random.js";
import { World } from "../../sim/world.js";
import { suite } from "../suite.js";

const test = suite("clock");

test("events happen in the order of time, and at one time in the order of putting in", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 200 }), fc.array(fc.nat(199)), (times, cancelled) => {
      const clock = new Clock();
      const seen: [number, number][] = [];
      const events = times.map((time, i) => clock.at(time, () => seen.push([clock.now, i])));
      for (const i of cancelled) clock.cancel(events[i]);
      const gone = new Set(cancelled);
      clock.runUntilQuiet(Infinity);
      const expected = times
        .map((time, i): [number, number] => [time, i])
        .filter(([, i]) => !gone.has(i))
        .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      assert.equal(seen, expected);
    }),
  );
});

test("an event put in for the past happens now", () => {
  const clock = new Clock();
  clock.runUntil(10);
  let at = -1;
  clock.at(3, () => (at = clock.now));
  clock.runUntil(10);
  assert.is(at, 10);
  assert.throws(() => clock.at(NaN, () => undefined), /finite/);
});

test("thirty days of hourly events pass at once, and none is left out", () => {
  const clock = new Clock();
  let beats = 0;
  const beat = (): void => {
    beats++;
    clock.after(3600 * SECOND, beat);
  };
  beat();
  clock.runFor(30 * DAY);
  assert.is(beats, 721);
});

test("a stream of random numbers depends on seed and name only", () => {
  const one = new Random(7);
  const first = one.stream("a").bytes(32);
  const two = new Random(7);
  two.uint32();
  two.stream("b").bytes(9);
  assert.equal(two.stream("a").bytes(32), first);
  assert.not.equal(new Random(8).stream("a").bytes(32), first);
  assert.not.equal(two.stream("b").bytes(32), first);
});

test("random numbers are spread evenly", () => {
  const random = new Random("spread");
  const counts = new Array<number>(16).fill(0);
  for (let i = 0; i < 160_000; i++) counts[random.below(16)]++;
  const chi = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  assert.ok(chi < 45, `chi square ${String(chi)}`);
  let trials = 0;
  for (let i = 0; i < 4000; i++) trials += random.gap(0.01) + 1;
  assert.ok(Math.abs(trials / 4000 - 100) < 6, `mean gap ${String(trials / 4000)}`);
});

test("host code runs between events, and virtual time stands still for real work", async () => {
  const world = new World();
  const seen: string[] = [];
  world.clock.after(5000, () => seen.push("event 5"));
  world.clock.after(15_000, () => seen.push("event 15"));
  await world.run(async () => {
    await world.sleep(10);
    seen.push(`host ${String(world.clock.now)}`);
    await world.during(new Promise((resolve) => setTimeout(resolve, 20)));
    seen.push(`worked ${String(world.clock.now)}`);
    await world.sleep(10);
    seen.push(`host ${String(world.clock.now)}`);
  });
  assert.equal(seen, ["event 5", "host 10000", "worked 10000", "event 15", "host 20000"]);
});

test("a scenario that waits for nothing is an error, not a hang", async () => {
  const world = new World();
  try {
    await world.run(new Promise(() => undefined));
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /nothing is left to happen/);
  }
});

test.run();
