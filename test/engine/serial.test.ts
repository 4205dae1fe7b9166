import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { openPseudoTerminal } from "../../sim/engine/pty.js";
import { espruinoDevice } from "../../sim/engine/espruino.js";
import { openSerial } from "../../src/host/serial.js";
import { suite } from "../suite.js";
import { ESPRUINO, bundle, temporary, until, wait } from "./support.js";

const test = suite("serial ports");
const SCRIPT = spawnSync("script", ["--version"], { stdio: "ignore" }).error === undefined;
const withTerminal = test.when(SCRIPT, "util-linux's script is missing");

const EVERY = Uint8Array.from({ length: 1024 }, (_, i) => i & 255);

withTerminal("every byte value goes both ways through a serial port", async () => {
  const far = await openPseudoTerminal();
  const port = await openSerial(far.path);
  try {
    let there = Buffer.alloc(0);
    let here = Buffer.alloc(0);
    far.onReceive((bytes) => (there = Buffer.concat([there, bytes])));
    port.onReceive((bytes) => (here = Buffer.concat([here, Buffer.from(bytes)])));
    port.write(EVERY);
    far.write(EVERY);
    await until(() => there.length >= 1024 && here.length >= 1024, "1,024 bytes each way");
    assert.equal(there, Buffer.from(EVERY));
    assert.equal(here, Buffer.from(EVERY));
  } finally {
    await port.close();
    far.close();
  }
});

withTerminal("a port that goes away is reported, and loses nothing else", async () => {
  const far = await openPseudoTerminal();
  const port = await openSerial(far.path);
  try {
    const changes: boolean[] = [];
    port.onChange((ready) => changes.push(ready));
    far.close();
    await until(() => changes.includes(false), "the port to say that it went away");
    assert.not.ok(port.ready);
    port.write(new Uint8Array([1, 2, 3]));
    await wait(50);
  } finally {
    await port.close();
  }
});

test("a port that does not exist is one sentence", async () => {
  let message = "";
  try {
    await openSerial("/dev/no-such-port");
  } catch (error) {
    message = (error as Error).message;
  }
  assert.match(message, /^\/dev\/no-such-port cannot be opened .*plug the device in/);
});

test.when(SCRIPT && ESPRUINO !== "", "ESPRUINO is not set")("a host's serial port reaches the firmware in a real Espruino", async () => {
  // The device's wire is a pseudo-terminal; another one, joined to it here, stands for the cable to the host.
  const device = await espruinoDevice({ program: ESPRUINO, bundle: bundle("card"), folder: temporary(), wires: 1 });
  const cable = await openPseudoTerminal();
  const port = await openSerial(cable.path);
  try {
    const wire = device.wires[0];
    assert.ok(wire);
    wire?.onReceive((bytes) => cable.write(bytes));
    cable.onReceive((bytes) => wire?.write(bytes));
    await device.powerOn();
    let received = "";
    port.onReceive((bytes) => (received += Buffer.from(bytes).toString("hex")));
    port.write(Buffer.from("00c10120e0", "hex"));
    await until(() => received.includes("00e10120c0"), "the card's answer");
  } finally {
    await port.close();
    cable.close();
    await device.dispose();
  }
});

test.run();
