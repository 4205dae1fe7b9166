/** The fault runner has to find what is wrong, and say how to see it again. */
import * as assert from "uvu/assert";
import fc from "../generate.js";
import { cutEverywhere, decodeCuts, encodeCuts, replay, worldAt, type Cut, type FaultScenario } from "../../sim/faults.js";
import { PUCKJS } from "../../sim/espruino/profile.js";
import { suite } from "../suite.js";

const test = suite("faults");

/** Two slots of a counter in flash. The careless one erases the only good copy first; the careful one writes the other slot and reads back. */
const counter = (careful: boolean): string => `(function(){
var f=require('Flash'),A=0x70000,B=0x71000;
function get(a){var r=f.read(8,a);return r[0]===(r[4]^255)&&r[1]===0xA5&&r[0]?r[0]:0}
function put(a,n){f.erasePage(a);f.write(new Uint8Array([n,0xA5,0,0,n^255,0,0,0]),a)}
function now(){return Math.max(get(A),get(B))}
function next(){var n=now();if(n<6){${careful ? "put(get(A)===n?B:A,n+1)" : "put(A,n+1)"};setTimeout(next,10)}else Serial1.write([n])}
E.setConsole(null);Serial1.setup(9600,{});next()})()`;

/** A counter that has counted to 6 in the end, and never went back on the way. */
function scenario(careful: boolean): FaultScenario {
  let seen = 0;
  let fell = false;
  return {
    name: careful ? "careful" : "careless",
    seed: 42,
    async run(world) {
      const board = world.board({ name: "counter", profile: PUCKJS });
      const slot = world.slot({ name: "slot" });
      const port = world.hostPort("host", slot.wire, 0, 9600);
      let last = 0;
      seen = 0;
      fell = false;
      const value = (at: number): number => {
        const bytes = board.flash.read(at, 8);
        return bytes[0] === (bytes[4] ^ 255) && bytes[1] === 0xa5 ? bytes[0] : 0;
      };
      world.trace.onEvent((event) => {
        if (event.kind !== "boot") return;
        const now = Math.max(value(0x70000), value(0x71000));
        if (now < last - 1) fell = true;
        last = now;
      });
      port.onReceive((bytes) => (seen = bytes[0]));
      board.install(counter(careful));
      world.dock(board, slot);
      world.trace.onEvent((event) => {
        if (event.kind === "flash" && !event.torn) last = Math.max(last, value(0x70000), value(0x71000));
      });
      await world.until(() => seen > 0, 60_000, "the counter's answer");
    },
    check() {
      if (fell) throw new Error("the counter went back");
      if (seen !== 6) throw new Error(`the counter ended at ${String(seen)}`);
    },
  };
}

test("a careful store comes through every cut, every tear and two in a row", async () => {
  const report = await cutEverywhere(scenario(true), { variants: 4 });
  assert.equal(report.failures, []);
  assert.is(report.counted.get("flash counter"), 12);
  assert.is(report.runs, 12 * 7 + (report.counted.get("timer counter") ?? 0) + (report.counted.get("serial counter") ?? 0));
  const twice = await cutEverywhere(scenario(true), { operations: ["flash"], depth: 2, limit: 40 });
  assert.equal(twice.failures, []);
  assert.is(twice.runs, 40);
});

test("a careless store is found out, and its replay string shows the same failure", async () => {
  const careless = scenario(false);
  const { failures } = await cutEverywhere(careless, { operations: ["flash"] });
  assert.ok(failures.length > 3);
  const { replay: text, error } = failures[0];
  assert.ok(text.length < 60, text);
  const again = await replay(text, [scenario(true), careless]);
  assert.is(again.error?.message, error.message);
  assert.equal(again.cuts, failures[0].cuts);
  const first = again.world.trace.toString();
  assert.is((await replay(text, [careless])).world.trace.toString(), first);
});

test("replay strings say everything, and nonsense is refused by a sentence", () => {
  const cut = fc.record<Cut>(
    {
      device: fc.string({ maxLength: 12 }),
      what: fc.constantFrom("flash", "serial", "timer"),
      index: fc.integer({ min: 1, max: 1e9 }),
      how: fc.constantFrom("none", "all", "allButLast", "subset"),
      variant: fc.nat(255),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(
      fc.string({ maxLength: 20 }),
      fc.oneof(
        fc.integer(),
        fc.string({ maxLength: 10 }).filter((seed) => !seed.startsWith("#")),
      ),
      fc.array(cut, { maxLength: 3 }),
      (name, seed, cuts) => {
        const text = encodeCuts({ name, seed }, cuts);
        assert.match(text, /^F1[\w-]*$/);
        assert.equal(decodeCuts(text), { name, seed, cuts });
      },
    ),
  );
  assert.throws(() => decodeCuts("hello"), /begins with F1/);
  assert.throws(
    () => decodeCuts(encodeCuts(scenario(true), [{ device: "counter", what: "flash", index: 3, how: "all", variant: 0 }]).slice(0, 12)),
    /cut short/,
  );
});

test("stepping back is playing up to an earlier event, faults included", async () => {
  const careful = scenario(true);
  const cuts: Cut[] = [{ device: "counter", what: "flash", index: 4, how: "subset", variant: 1 }];
  const whole = await worldAt(careful, Infinity, cuts);
  const end = whole.world.clock.steps;
  const middle = await worldAt(careful, Math.floor(end / 2), cuts);
  assert.is(middle.world.clock.steps, Math.floor(end / 2));
  assert.ok(whole.world.trace.toString().startsWith(middle.world.trace.toString()));
  assert.ok(middle.world.trace.events.length < whole.world.trace.events.length);
  await middle.resume();
  assert.is(middle.world.trace.toString(), whole.world.trace.toString());
});

test.run();
