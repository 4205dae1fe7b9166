import * as assert from "uvu/assert";
import * as host from "../../src/host/index.js";
import * as simulator from "../../sim/index.js";
import type { Port } from "../../src/core/link/t1.js";
import { duplexPair, type Duplex } from "node:stream";
import { suite } from "../suite.js";
import { EchoDevice } from "./device.js";

/** Mistakes of a program that uses `leyden/host` or `leyden/sim`: a sentence of ours names the argument, what was expected and what came. */
const test = suite("Wrong arguments to host and simulator");

async function mistake(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    assert.is((error as Error).constructor, Error, String(error));
    return (error as Error).message;
  }
  return assert.unreachable("it was taken") as never;
}

/** A value of another kind than the type says. */
const wrong = (value: unknown): never => value as never;
const bytes = (length: number) => new Uint8Array(length);
const transport: host.ApduTransport = { transmit: () => Promise.resolve(Uint8Array.of(0x90, 0)) };
const identity = { id: bytes(8), role: 4, privateKey: bytes(32), chain: bytes(256), roots: bytes(64), time: () => 0 };
const silent: Port = { write: () => undefined, onReceive: () => undefined };

const table: [call: () => unknown, message: string][] = [
  [() => new host.DeviceSession(wrong(undefined)), "transport: expected a Transport, or another object with transmit, got undefined"],
  [() => new host.DeviceSession(transport, wrong({})), "party: expected a HostParty, or null, got an object"],
  [
    () => new host.DeviceSession(transport).authenticate(1),
    "This session has no party; give one to the DeviceSession that shall authenticate.",
  ],
  [() => new host.DeviceSession(transport).authenticate(1, bytes(15)), "context: expected 16 bytes, got 15"],
  [() => new host.DeviceSession(transport).transfer(0, 256, 0, bytes(0)), "ins: expected a whole number from 0 to 255, got 256"],
  [() => new host.DeviceSession(transport).transfer(0, 1, -1, bytes(0)), "tag: expected a whole number from 0 to 65535, got -1"],
  [() => new host.DeviceSession(transport).transfer(0, 1, 0, wrong("abc")), "data: expected a Uint8Array, got a string"],
  [() => new host.DeviceSession(transport).transfer(0, 1, 0, bytes(625)), "A command takes at most 624 bytes of data, not 625."],
  [() => new host.HostParty(wrong(undefined)), "options: expected an object, got undefined"],
  [() => new host.HostParty({ ...identity, id: bytes(7) }), "id: expected 8 bytes, got 7"],
  [() => new host.HostParty({ ...identity, roots: bytes(40) }), "roots: expected 32 bytes, got 40"],
  [() => new host.HostParty({ ...identity, chain: wrong([]) }), "chain: expected a Uint8Array, got another array"],
  [() => new host.HostParty({ ...identity, time: wrong(5) }), "time: expected a function, got 5"],
  [() => host.enroll(wrong(null), wrong(null)), "session: expected a DeviceSession, got null"],
  [() => host.enroll(new host.DeviceSession(transport), wrong(null)), "prepare: expected a function, got null"],
  [() => host.openPort(wrong(undefined)), "name: expected a text, got undefined"],
  [() => host.openPort(""), "name: expected a text, got an empty one"],
  [() => host.openPort("/dev/null", 0.5), "baud: expected a whole number from 50 to 12000000, got 0.5"],
  [() => host.openTcp("tcp://nowhere"), "tcp://nowhere is not an address: expected tcp://host:port."],
  [() => new host.Transport(wrong("/dev/ttyUSB0")), "port: expected a port, such as openPort opens, got a string"],
  [() => new host.Transport(silent).transmit(wrong([1, 2])), "apdu: expected a Uint8Array, got another array"],
  [() => new host.Transport(silent).transmit(bytes(0)), "A command is 1 to 640 bytes long, got 0."],
  [() => new host.Transport(silent).bulkSend(1.5, () => bytes(1)), "count: expected a whole number from 0 to 4294967295, got 1.5"],
  [() => new host.Transport(silent).bulkReceive(wrong(undefined)), "take: expected a function, got undefined"],
  [() => new host.Transport(silent).retrying(wrong(7)), "work: expected a function, got 7"],
  [() => host.describeStatus(NaN), "status: expected a whole number from 0 to 65535, got NaN"],
  [() => host.describeRefused(32), "refused: expected a whole number from 0 to 31, got 32"],
  [() => new simulator.LoanWorld(wrong({})), "days: expected a number above 0, got undefined"],
  [() => simulator.specimen(wrong("cart"), 1), "name: expected one of card, cartridge, reader, client, got cart"],
  [() => simulator.specimen("card", NaN), "days: expected a number above 0, got NaN"],
  [() => simulator.builtBundle("nothing"), "There is no dist/nothing.js; make the bundles with npm run build."],
  [() => simulator.runLoan(wrong({})), "file: expected a text, got undefined"],
  [
    () => simulator.runLoan({ file: "/nowhere/film", name: "film", custody: 1, days: 1 }),
    "There is no file /nowhere/film to lend; name one that exists.",
  ],
  [
    () => simulator.runLoan({ file: "package.json", name: "film", custody: 4, days: 1 }),
    "custody: expected a whole number from 1 to 3, got 4",
  ],
  [() => simulator.virtualTimers(wrong({})), "world: expected a World, got an object"],
  [() => new simulator.World().board(wrong({ name: "card" })), "profile: expected an EngineProfile, such as PUCKJS, got undefined"],
  [() => new simulator.World().slot(wrong(undefined)), "options: expected an object, got undefined"],
  [
    () => new simulator.World().slot({ name: "slot" }).charging(true),
    "Slot slot has no charging contact; give it a charger when it is made.",
  ],
  [() => new simulator.World().sleep(-1), "milliseconds: expected a number above 0, got -1"],
  [() => new simulator.World().dock(wrong({}), wrong({})), "board: expected a board of this world, got an object"],
];

for (const [call, message] of table)
  test(message, async () => {
    assert.is(await mistake(call), message);
  });

test("a world names what is there already, what is in no slot and what holds another board", async () => {
  const world = new simulator.World();
  const { profile, wiring } = simulator.specimen("card", 1);
  const [one, two] = ["one", "two"].map((name) => world.board({ name, profile, wiring }));
  const slot = world.slot({ name: "slot" });
  assert.is(await mistake(() => world.board({ name: "one", profile })), "There is a board one already; call this one otherwise.");
  assert.is(await mistake(() => world.slot({ name: "slot" })), "There is a slot slot already; call this one otherwise.");
  world.dock(one, slot);
  assert.is(
    await mistake(() => {
      world.dock(two, slot);
    }),
    "Slot slot holds one already; undock that first.",
  );
  assert.is(
    await mistake(() => {
      world.undock(two);
    }),
    "Board two is in no slot; dock it first.",
  );
});

/** A transport to a device in this process. */
function pair(): { transport: host.Transport; end: () => void } {
  const [near, far] = duplexPair() as [Duplex, Duplex];
  const device = new EchoDevice();
  device.attach(far);
  const transport = new host.Transport({
    write: (sent) => void near.write(Buffer.from(sent)),
    onReceive: (take) => void near.on("data", take),
  });
  return {
    transport,

    end: () => {
      device.stop();
      near.destroy();
      far.destroy();
    },
  };
}

test("what a caller's own function throws, or a frame that is too long, ends the transfer with that error, and the link goes on", async () => {
  const { transport, end } = pair();
  try {
    assert.is(await transport.reset(), 2);
    await transport.transmit(Uint8Array.of(2));
    assert.is(await mistake(() => transport.bulkSend(3, () => bytes(513))), "frame(0): expected 0 to 512 bytes, got 513");
    await transport.transmit(Uint8Array.of(1));
    assert.is(
      await mistake(() =>
        transport.bulkReceive((index) => {
          if (index === 1) throw new Error("The disk is full.");
        }),
      ),
      "The disk is full.",
    );
    assert.equal(await transport.transmit(Uint8Array.of(3, 4, 5)), Uint8Array.of(5, 4, 3));
  } finally {
    end();
  }
});

test.run();
