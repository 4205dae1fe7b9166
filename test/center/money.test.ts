import fc from "../generate.js";
import * as assert from "uvu/assert";
import { CHARGE_MAX, HEARTBEAT, baseCharge, endOfCharge, startedPeriods, timeCharge, type Tariff } from "../../src/center/api/tariff.js";
import { suite } from "../suite.js";

const test = suite("charging");

const amount = fc.integer({ min: 0, max: 1_000_000_000 });
const seconds = fc.integer({ min: 0, max: 31_536_000 });
const tariffs = fc
  .record({
    base: amount,
    periodPrice: amount,
    periodSeconds: fc.integer({ min: 1, max: 31_536_000 }),
    cap: fc.option(amount),
    graceSeconds: seconds,
    lostPrice: amount,
  })
  .filter((tariff): tariff is Tariff => tariff.cap === null || tariff.cap >= tariff.base);

test("a charge is a whole number of minor units, between base and cap, and never falls with time", () => {
  fc.assert(
    fc.property(tariffs, seconds, seconds, (tariff, a, b) => {
      const [less, more] = a < b ? [a, b] : [b, a];
      const total = (time: number): number => baseCharge(tariff) + timeCharge(tariff, time);
      assert.ok(Number.isSafeInteger(total(more)));
      assert.ok(total(less) <= total(more));
      assert.ok(total(less) >= tariff.base);
      const uncapped = BigInt(tariff.base) + BigInt(startedPeriods(tariff, more)) * BigInt(tariff.periodPrice);
      const cap = BigInt(tariff.cap ?? CHARGE_MAX);
      assert.is(BigInt(total(more)), uncapped < cap ? uncapped : cap);
    }),
  );
});

test("every started period counts once, and one that ends at its border does not start the next", () => {
  const tariff: Tariff = { base: 100, periodPrice: 50, periodSeconds: 86400, cap: null, graceSeconds: 0, lostPrice: 0 };
  const days = [0, 1, 86399, 86400, 86401, 172800, 172801].map((time) => startedPeriods(tariff, time));
  assert.equal(days, [0, 1, 1, 1, 2, 2, 3]);
  assert.is(timeCharge(tariff, 86401), 100);
});

test("the end of charge lies within [ACTIVE, min(deadline, now)], whatever a receipt says", () => {
  const instant = fc.integer({ min: 0, max: 4_294_967_295 });
  const death = fc.record({ exactness: fc.integer({ min: 0, max: 2 }), earliest: instant, latest: instant });
  fc.assert(
    fc.property(instant, seconds, seconds, death, (activated, duration, elapsed, told) => {
      const end = endOfCharge(activated, activated + duration, activated + elapsed, told);
      assert.ok(end >= activated);
      assert.ok(end <= activated + Math.min(duration, elapsed));
    }),
  );
});

test("an exact receipt ends the charge at its ticks, an interval at its early end plus one heartbeat", () => {
  const at = (exactness: number, earliest: number, latest: number): number =>
    endOfCharge(1000, 1000 + 30 * 86400, 1000 + 30 * 86400, { exactness, earliest, latest }) - 1000;
  assert.is(at(0, 7000, 7000), 7000);
  assert.is(at(1, 7200, 100000), 7200 + HEARTBEAT);
  assert.is(at(1, 7200, 8000), 8000, "never beyond the late end");
  assert.is(at(2, 7200, 7200), 7200 + HEARTBEAT);
  fc.assert(
    fc.property(seconds, seconds, (a, b) => {
      const [earliest, latest] = a < b ? [a, b] : [b, a];
      assert.ok(at(1, earliest, latest) <= at(0, latest, latest), "an interval is never dearer than its late end");
    }),
  );
});

test.run();
