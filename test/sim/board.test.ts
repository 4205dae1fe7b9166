/** Boards under power, in slots and on wires, with small bundles of their own. */
import * as assert from "uvu/assert";
import { DAY } from "../../sim/clock.js";
import { PICO, PUCKJS, type EngineProfile } from "../../sim/espruino/profile.js";
import type { BoardOptions } from "../../sim/espruino/options.js";
import type { EspruinoBoard } from "../../sim/espruino.js";
import type { KeyCellOptions } from "../../sim/supply.js";
import { World, type Slot } from "../../sim/world.js";
import { suite } from "../suite.js";

const test = suite("board");
const frugal: EngineProfile = { ...PICO, sleepAmperes: 1e-6, wakeCoulombs: 1e-6 };
const cell: KeyCellOptions = {
  model: { farads: 1, faradsPerVolt: 0.1, esr: 5, slowOhms: 300, slowFarads: 0.1, leakage: 1e-6, ratedVolts: 5.5 },
  warningVolts: 2.4,
};
/** Holds a key for as long as it may; echoes; sleeps when told. */
const KEEPER = `(function(){var m=new Uint8Array(64);E.getAddressOf(m,true);E.setConsole(null,{force:true});
Serial1.setup(115200,{});Serial1.on('data',function(d){var c=d.charCodeAt(0);if(c===1)m.fill(7);if(c===2)setDeepSleep(1);Serial1.write(d)});
setWatch(function(){m.fill(0);print('wiped')},'A1',{edge:'falling',repeat:false});setInterval(function(){},3600000)})()`;

function cartridge(code: string, more: Partial<BoardOptions> = {}): { world: World; board: EspruinoBoard; slot: Slot } {
  const world = new World({ seed: 11 });
  const board = world.board({
    name: "cartridge",
    profile: frugal,
    wiring: { led: "B2", capacitor: { pin: "A0", ratio: 2 }, powerFail: "A1" },
    ...more,
    keyCell: cell,
  });
  board.install(code);
  const slot = world.slot({ name: "kiosk", charger: { volts: 5, ohms: 2, amperes: 0.5 } });
  return { world, board, slot };
}

async function load(world: World, board: EspruinoBoard, slot: Slot): Promise<void> {
  const port = world.hostPort("kiosk", slot.wire);
  await world.run(async () => {
    world.dock(board, slot);
    slot.charging(true);
    await world.sleep(120_000);
    slot.charging(false);
    port.write(Uint8Array.of(1));
    await world.sleep(10);
    port.write(Uint8Array.of(2));
    await world.sleep(10);
    world.undock(board);
  });
}

test("the key lives on the capacitor until the warning, and is overwritten then", async () => {
  const { world, board, slot } = cartridge(KEEPER);
  await load(world, board, slot);
  assert.is(board.keyValid, true);
  assert.is(board.powered, true);
  world.carry(60);
  assert.is(board.keyValid, false);
  assert.is(board.powered, false);
  const [held, wiped] = world.trace.of("key");
  assert.ok(held.valid && !wiped.valid && wiped.t > DAY);
  const crossing = world.trace.of("voltage").find(({ threshold, edge }) => threshold === "power-fail warning" && edge === "falling");
  assert.is(crossing?.t, wiped.t);
  const off = world.trace.of("power").find(({ on }) => !on);
  assert.ok(off && off.t > wiped.t && off.why === "brownout");
});

test("without a watch on the warning the key goes with the brownout, and the board starts anew with nothing", async () => {
  const { world, board, slot } = cartridge(KEEPER.replace("m.fill(0);", ""));
  await load(world, board, slot);
  world.carry(60);
  const [, gone] = world.trace.of("key");
  assert.is(gone.valid, false);
  assert.is(world.trace.of("power").find(({ on }) => !on)?.t, gone.t);
  world.dock(board, slot);
  world.clock.runFor(1e6);
  assert.is(board.powered, true);
  assert.is(board.keyValid, false);
  assert.is(board.counts.boots, 2);
});

test("the capacitor is measured through its divider", () => {
  const { world, board } = cartridge("setInterval(function(){print(Math.floor(analogRead('A0')*E.getAnalogVRef()*2000))},100)");
  board.supply("wall", 3.3);
  board.keyCell?.charge({ volts: 3, ohms: 1, amperes: 1 });
  world.clock.runFor(300e6);
  const line = Number(world.trace.last("log")?.line);
  assert.ok(Math.abs(line / 1000 - (board.keyCell?.volts ?? 0)) < 0.005, String(line));
});

test("brownout thresholds and clocks scatter by seed, within the profile", () => {
  const values = Array.from({ length: 40 }, (_, seed) => new World({ seed }).board({ name: "b", profile: PUCKJS }));
  for (const { brownoutVolts, clockError } of values)
    assert.ok(brownoutVolts >= 1.5 && brownoutVolts <= 1.7 && Math.abs(clockError) <= 20e-6);
  assert.ok(new Set(values.map(({ brownoutVolts }) => brownoutVolts)).size === 40);
});

test("a fast clock fires early", () => {
  const world = new World({ seed: 3 });
  const board = world.board({ name: "b", profile: { ...PUCKJS, oscillatorPpm: 1000 } });
  board.install("setTimeout(function(){print(getTime())},10000000)");
  board.supply("wall", 3.3);
  world.clock.runFor(3 * 3600 * 1e6);
  const line = world.trace.of("log")[0];
  assert.ok(Math.abs(Number(line.line) - 10_000) < 0.01);
  assert.ok(Math.abs((line.t - 1e5) / 1e10 - (1 - board.clockError)) < 1e-5);
});

test("bytes that come while flash is erased are lost beyond the UART's own few", () => {
  const world = new World();
  const board = world.board({ name: "b", profile: PUCKJS });
  board.install(
    "E.setConsole(null);Serial1.setup(115200,{});var n=0;Serial1.on('data',function(d){n+=d.length});setTimeout(function(){require('Flash').erasePage(0x70000)},10);setTimeout(function(){print(n,E.getErrorFlags().join())},500)",
  );
  const slot = world.slot({ name: "slot" });
  const port = world.hostPort("host", slot.wire);
  world.dock(board, slot);
  world.clock.runFor(111_000);
  port.write(new Uint8Array(200));
  world.clock.runFor(1e6);
  assert.is(world.trace.of("log")[0].line, "6 FIFO_FULL");
  assert.is(board.counts.overflows, 194);
});

test("a busy bundle's input waits in the engine, up to its buffer", () => {
  const world = new World();
  const board = world.board({ name: "b", profile: PUCKJS, costs: { event: 100_000 } });
  board.install(
    "E.setConsole(null);Serial1.setup(115200,{});var n=[];Serial1.on('data',function(d){n.push(d.length)});setTimeout(function(){print(n.join())},3000)",
  );
  const slot = world.slot({ name: "slot" });
  const port = world.hostPort("host", slot.wire);
  world.dock(board, slot);
  world.clock.runFor(500_000);
  port.write(new Uint8Array(700));
  world.clock.runFor(5e6);
  const parts = world.trace.of("log")[0].line.split(",").map(Number);
  assert.equal(parts.slice(1), [512]);
  assert.is(board.counts.overflows, 700 - parts[0] - 512);
});

test("deep sleep on an STM32 is deaf; an open console takes what comes", () => {
  const world = new World();
  const deaf = world.board({ name: "deaf", profile: PICO });
  deaf.install("E.setConsole(null);Serial1.setup(115200,{});Serial1.on('data',function(d){print(d.length)});setDeepSleep(1)");
  const open = world.board({ name: "open", profile: { ...PUCKJS, console: "Serial1" } });
  open.install("Serial1.setup(115200,{});Serial1.on('data',function(d){print(d.length)});print('hello')");
  for (const board of [deaf, open]) {
    const slot = world.slot({ name: `slot ${board.name}` });
    const port = world.hostPort("host", slot.wire);
    world.dock(board, slot);
    world.clock.runFor(1e6);
    port.write(new Uint8Array(10));
  }
  world.clock.runFor(1e6);
  assert.is(deaf.counts.deaf, 10);
  assert.is(open.counts.consoleBytes, 10);
  assert.ok(world.trace.of("frame", "open").length > 0, "the console printed on the wire");
});

test("a bundle that catches everything still dies of a power cut", () => {
  const world = new World();
  const board = world.board({ name: "b", profile: PUCKJS });
  board.install(
    "setTimeout(function(){var i;for(i=0;i<5;i++){try{require('Flash').write(new Uint8Array(4),0x70000+4*i)}catch(e){}}print('lived')},10)",
  );
  let count = 0;
  world.faults = { operation: (_, what) => (what === "flash" && ++count === 3 ? { how: "all" } : undefined) };
  board.supply("wall", 3.3);
  world.clock.runFor(500_000);
  assert.is(board.powered, false);
  assert.equal([...board.flash.read(0x70000, 20)].filter((byte) => byte === 0).length, 12);
  world.clock.runFor(2e6);
  assert.is(board.counts.boots, 2);
});

test("samples that a waveform plays are heard", () => {
  const world = new World();
  const board = world.board({ name: "reader", profile: PICO });
  board.install(
    "var w=new Waveform(100,{doubleBuffer:true}),n=0;w.buffer.fill(1);w.buffer2.fill(2);w.on('buffer',function(b){if(++n===4)w.stop();else b.fill(n+2)});w.startOutput('A8',8000,{repeat:true})",
  );
  board.supply("wall", 3.3);
  world.clock.runFor(1e6);
  const end = world.trace.of("sink").at(-1);
  assert.is(end?.op, "end");
  assert.is(end?.bytes, 400);
});

test("the same seed gives the same trace, another seed another", async () => {
  const run = async (seed: number): Promise<string> => {
    const world = new World({ seed, noise: { flip: 0.01, lose: 0.01, insert: 0.01 } });
    const board = world.board({ name: "cartridge", profile: frugal, wiring: { powerFail: "A1" }, keyCell: cell });
    board.install(KEEPER.replace("Serial1.write(d)", "Serial1.write(d);print(Math.random())"));
    const slot = world.slot({ name: "kiosk", charger: { volts: 5, ohms: 2, amperes: 0.5 } });
    await load(world, board, slot);
    world.carry(10);
    return world.trace.toString();
  };
  const first = await run(1);
  assert.is(await run(1), first);
  assert.is.not(await run(2), first);
  assert.ok(first.length > 2000);
});

test("of two pins with one number only the first is watched, as an STM32 has one interrupt line for both", async () => {
  const { world, board, slot } = cartridge(
    "setWatch(function(){Serial1.write('a')},'A1',{edge:'both',repeat:true});setWatch(function(){Serial1.write('b')},'B1',{edge:'both',repeat:true});" +
      "setWatch(function(){Serial1.write('c')},'B3',{edge:'both',repeat:true});Serial1.setup(115200,{})",
    { wiring: { led: "B2" } },
  );
  const heard: number[] = [];
  world.hostPort("kiosk", slot.wire).onReceive((bytes) => heard.push(...bytes));
  await world.run(async () => {
    world.dock(board, slot);
    await world.sleep(1000);
    for (const pin of ["A1", "B1", "B3"]) {
      board.pins.drive(pin, true);
      await world.sleep(100);
    }
  });
  assert.is(String.fromCharCode(...heard), "ac");
});

test.run();
