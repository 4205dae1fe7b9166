/** The capacitor against an integration of its own by small steps, against closed formulas, and against ngspice where that is installed. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import fc from "../generate.js";
import { Capacitor, type CapacitorModel, type Source } from "../../sim/capacitor.js";
import { Clock, DAY } from "../../sim/clock.js";
import { Random } from "../../sim/random.js";
import { KeyCell } from "../../sim/supply.js";
import { Trace } from "../../sim/trace.js";
import { suite } from "../suite.js";

const test = suite("capacitor");
const half: CapacitorModel = { farads: 0.4, faradsPerVolt: 0.05, esr: 20, slowOhms: 400, slowFarads: 0.06, leakage: 2e-6, ratedVolts: 5.5 };

/** Classical Runge-Kutta of the same network, written down anew: currents at the terminal node, charge of the branches. */
function integrate(
  model: CapacitorModel,
  start: [number, number],
  load: number,
  source: Source | undefined,
  seconds: number,
  step: number,
): { v1: number; v2: number; terminal: number } {
  const leak = model.leakage / model.ratedVolts;
  const terminal = (v1: number, v2: number): number => {
    const g1 = 1 / model.esr;
    const g2 = model.slowFarads ? 1 / model.slowOhms : 0;
    const node = (extra: number, current: number): number => (v1 * g1 + v2 * g2 + current - load) / (g1 + g2 + leak + extra);
    if (!source) return node(0, 0);
    const limited = node(0, source.amperes);
    return (source.volts - limited) / source.ohms > source.amperes ? limited : node(1 / source.ohms, source.volts / source.ohms);
  };
  const slope = (v1: number, v2: number): [number, number] => {
    const v = terminal(v1, v2);
    return [
      (v - v1) / model.esr / (model.farads + model.faradsPerVolt * v1),
      model.slowFarads ? (v - v2) / model.slowOhms / model.slowFarads : 0,
    ];
  };
  const isLimited = (v1: number, v2: number): boolean =>
    source !== undefined && (source.volts - terminal(v1, v2)) / source.ohms > source.amperes;
  const move = ([v1, v2]: [number, number], h: number): [number, number] => {
    const a = slope(v1, v2);
    const b = slope(v1 + (h / 2) * a[0], v2 + (h / 2) * a[1]);
    const c = slope(v1 + (h / 2) * b[0], v2 + (h / 2) * b[1]);
    const d = slope(v1 + h * c[0], v2 + h * c[1]);
    return [v1 + (h / 6) * (a[0] + 2 * b[0] + 2 * c[0] + d[0]), v2 + (h / 6) * (a[1] + 2 * b[1] + 2 * c[1] + d[1])];
  };
  let state = start;
  const rounds = Math.ceil(seconds / step);
  const h = seconds / rounds;
  for (let i = 0; i < rounds; i++) {
    let next = move(state, h);
    if (isLimited(...state) !== isLimited(...next)) {
      // The slope has a kink where the source leaves its limit, and there the error of a step is of second order.
      next = state;
      for (let part = 0; part < 256; part++) next = move(next, h / 256);
    }
    state = next;
  }
  const [v1, v2] = state;
  return { v1, v2, terminal: terminal(v1, v2) };
}

test("agrees with integration by small steps, for any values", () => {
  const number = (min: number, max: number): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });
  const model = fc.record({
    farads: number(0.05, 5),
    faradsPerVolt: number(0, 0.3),
    esr: number(1, 50),
    slowOhms: number(50, 2000),
    slowFarads: fc.oneof(fc.constant(0), number(0.01, 0.5)),
    leakage: number(0, 1e-4),
    ratedVolts: fc.constant(5.5),
  });
  const source = fc.option(fc.record({ volts: number(1, 5), ohms: number(1, 20), amperes: number(0.05, 1) }), { nil: undefined });
  fc.assert(
    fc.property(model, number(0.5, 5), number(0, 1e-3), source, number(1, 400), (values, volts, load, charger, seconds) => {
      const capacitor = new Capacitor(values, volts);
      capacitor.load = load;
      capacitor.source = charger;
      capacitor.advance(seconds);
      const smallest = Math.min(
        values.esr * values.farads,
        values.slowFarads ? values.esr * values.slowFarads : 1,
        charger ? charger.ohms * values.farads : 1,
      );
      const { v1, v2 } = integrate(values, [volts, volts], load, charger, seconds, Math.min(0.5, smallest / 10));
      if (v1 < 0.05) return;
      assert.ok(Math.abs(capacitor.branches[0] - v1) < 2e-5, `v1 ${String(capacitor.branches[0])} instead of ${String(v1)}`);
      assert.ok(
        Math.abs(capacitor.branches[1] - (values.slowFarads ? v2 : volts)) < 2e-5,
        `v2 ${String(capacitor.branches[1])} instead of ${String(v2)}`,
      );
    }),
    {
      numRuns: 60,
      // Out of the limit of the source on the way; and capacitance that grows to its double, where two results once agreed by chance.
      examples: [
        [
          { farads: 0.555, faradsPerVolt: 0, esr: 1, slowOhms: 173, slowFarads: 0.5, leakage: 0, ratedVolts: 5.5 },
          0.5,
          0,
          { volts: 3.33, ohms: 1, amperes: 0.591 },
          1.7887,
        ],
        [
          {
            farads: 0.05,
            faradsPerVolt: 0.3,
            esr: 30.926396619741634,
            slowOhms: 367.21531674305066,
            slowFarads: 0.4466390898298584,
            leakage: 0,
            ratedVolts: 5.5,
          },
          0.5179111731548466,
          0,
          { volts: 1.4899860877214837, ohms: 1, amperes: 0.776 },
          400,
        ],
      ],
    },
  );
});

test("a constant capacitance under a constant current and leakage follows the closed formula", () => {
  const model = { ...half, faradsPerVolt: 0, slowFarads: 0, esr: 1e-3 };
  const capacitor = new Capacitor(model, 3);
  const load = 0.7e-6;
  capacitor.load = load;
  const ohms = model.ratedVolts / model.leakage;
  const expected = ohms * model.farads * Math.log((3 + load * ohms) / (1.7 + load * ohms));
  const found = capacitor.timeTo(1.7, "falling", 400 * 86_400) ?? NaN;
  assert.ok(Math.abs(found / expected - 1) < 1e-8, `${String(found)} s instead of ${String(expected)} s`);
});

test("a crossing is where the voltage is, and asking changes nothing", () => {
  const capacitor = new Capacitor(half, 5);
  capacitor.load = 2e-6;
  for (const volts of [4.9, 4, 3, 2.5]) {
    const before = capacitor.volts;
    const seconds = capacitor.timeTo(volts, "falling", 1e8) ?? NaN;
    assert.is(capacitor.volts, before);
    capacitor.advance(seconds);
    assert.ok(Math.abs(capacitor.volts - volts) < 2e-5, `${String(capacitor.volts)} V at the crossing of ${String(volts)} V`);
  }
  assert.is(capacitor.timeTo(2, "falling", 10), undefined);
  assert.is(capacitor.timeTo(4, "rising", 1e9), undefined);
});

test("days in one step equal days in many", () => {
  const one = new Capacitor(half, 5);
  const many = new Capacitor(half, 5);
  one.load = many.load = 1.5e-6;
  one.advance(20 * 86_400);
  for (let i = 0; i < 20 * 24; i++) many.advance(3600);
  assert.ok(Math.abs(one.volts - many.volts) < 1e-6);
});

test("leakage doubles with every 10 K", () => {
  const cold = new Capacitor({ ...half, slowFarads: 0, faradsPerVolt: 0 }, 5);
  const warm = new Capacitor({ ...half, slowFarads: 0, faradsPerVolt: 0 }, 5);
  warm.celsius = 35;
  cold.advance(20_000);
  warm.advance(10_000);
  assert.ok(Math.abs(cold.branches[0] - warm.branches[0]) < 2e-6);
  assert.ok(cold.volts < 4.95);
});

test("after charging the terminal sags while charge settles in the slow branch", () => {
  const capacitor = new Capacitor({ ...half, leakage: 0, slowOhms: 2000, slowFarads: 0.2 }, 0);
  capacitor.source = { volts: 5, ohms: 2, amperes: 0.3 };
  capacitor.advance(60);
  capacitor.source = undefined;
  const charged = capacitor.volts;
  capacitor.advance(3600);
  assert.ok(charged - capacitor.volts > 0.1);
  assert.ok(Math.abs(capacitor.branches[0] - capacitor.branches[1]) < 0.01);
});

test("the cell calls out at its thresholds at the right times and in order, by seed", () => {
  const run = (seed: number): [string, number][] => {
    const clock = new Clock();
    const trace = new Trace(clock);
    const cell = new KeyCell(clock, trace, new Random(seed), { model: half, volts: 5, warningVolts: 3 });
    const seen: [string, number][] = [];
    cell.watch("warning", 3, (edge) => seen.push([`warning ${edge}`, clock.now]));
    cell.watch("brownout", 2, (edge) => seen.push([`brownout ${edge}`, clock.now]));
    cell.load = 1e-6;
    clock.runFor(60 * DAY);
    for (const { why, threshold, volts } of trace.of("voltage"))
      if (why === "cross") assert.ok(Math.abs(volts - (threshold === "warning" ? 3 : 2)) < 1e-4);
    cell.charge({ volts: 5, ohms: 1, amperes: 1 });
    clock.runFor(DAY);
    return seen;
  };
  const seen = run(1);
  assert.equal(
    seen.map(([name]) => name),
    ["warning falling", "brownout falling", "brownout rising", "warning rising"].sort(
      (a, b) => seen.findIndex(([name]) => name === a) - seen.findIndex(([name]) => name === b),
    ),
  );
  assert.ok(seen[0][1] > DAY && seen[1][1] > seen[0][1]);
  assert.equal(run(1), seen);
  assert.is.not(run(2)[0][1], seen[0][1]);
});

test("a cell of thirty days takes a hundred steps, not one for every second", () => {
  const random = new Random("fleet");
  let most = 0;
  for (let i = 0; i < 1000; i++) {
    const capacitor = new Capacitor({ ...half, farads: random.between(1, 3) }, 5);
    capacitor.load = 1e-6;
    capacitor.timeTo(2, "falling", 30 * 86_400);
    most = Math.max(most, capacitor.steps);
  }
  assert.ok(most <= 100, `${String(most)} steps`);
});

const spice = spawnSync("ngspice", ["--version"]).status === 0;

test.when(spice, "ngspice is not installed")("agrees with ngspice on charging, settling and discharging", () => {
  const folder = mkdtempSync(join(tmpdir(), "leyden-spice-"));
  const ohms = half.ratedVolts / half.leakage;
  // Charge in C(V) = C0 + kV is C0 V + k V^2 / 2.
  const netlist = `key capacitor
Vs s 0 PWL(0 5 119.999 5 120 5)
S1 s m gate 0 contact
.model contact SW(Ron=2 Roff=1e12 Vt=0.5)
Vg gate 0 PWL(0 1 119.9999 1 120 0 1e9 0)
R1 m a ${String(half.esr)}
C1 a 0 Q='${String(half.farads)}*v(a)+${String(half.faradsPerVolt / 2)}*v(a)*v(a)'
R2 m b ${String(half.slowOhms)}
C2 b 0 ${String(half.slowFarads)} IC=0
RL m 0 ${String(ohms)}
IL m 0 50u
.ic v(a)=0.001 v(b)=0.001
.options reltol=1e-6 abstol=1e-12 vntol=1e-9 method=gear
.tran 1 6000 0 0.5 uic
.control
run
meas tran v60 find v(m) at=60
meas tran v119 find v(m) at=119
meas tran v300 find v(m) at=300
meas tran v2000 find v(m) at=2000
meas tran v5900 find v(m) at=5900
quit
.endc
.end
`;
  writeFileSync(join(folder, "cell.cir"), netlist);
  const run = spawnSync("ngspice", ["-b", "cell.cir"], { cwd: folder, encoding: "utf8", timeout: 60_000 });
  rmSync(folder, { recursive: true });
  const capacitor = new Capacitor({ ...half }, 0.001);
  capacitor.load = 50e-6;
  capacitor.source = { volts: 5, ohms: 2, amperes: 1e3 };
  let now = 0;
  for (const at of [60, 119, 300, 2000, 5900]) {
    if (at > 120 && now < 120) {
      capacitor.advance(120 - now);
      capacitor.source = undefined;
      now = 120;
    }
    capacitor.advance(at - now);
    now = at;
    const found = Number(new RegExp(`^v${String(at)}\\s*=\\s*(\\S+)`, "m").exec(run.stdout)?.[1]);
    assert.ok(
      Math.abs(found - capacitor.volts) < 2e-3,
      `at ${String(at)} s: ngspice ${String(found)} V, ours ${String(capacitor.volts)} V\n${Number.isNaN(found) ? run.stdout + run.stderr : ""}`,
    );
  }
});

test.run();
