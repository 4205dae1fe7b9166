import * as assert from "uvu/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { espruinoDevice, type EspruinoDevice } from "../../sim/engine/espruino.js";
import { storageFiles } from "../../sim/engine/storage-image.js";
import { suite } from "../suite.js";
import { ESPRUINO, HOST_WIRE, WIRES, answersIfs, bundle, temporary, until, wait } from "./support.js";

const test = suite("the engine's console");
const withEspruino = test.when(ESPRUINO !== "", "ESPRUINO is not set");

/** What opens a console, stops a program or has text evaluated: control-C, three and more of them, echo off, the tools' file transfer, and plain lines. */
const KEYS = [
  "\x03",
  "\x03\x03\x03\x03\x03",
  "\r\n",
  '\x10print("OP"+"EN")\n',
  '\x03\x10print("OP"+"EN");E.setConsole(USB)\n',
  "\x10echo(0)\n\x10reset(true)\n",
  '\x10require("Storage").eraseAll()\n',
  '\x05\x10\x01\x00\x1eprint("OP"+"EN")',
  '\x1b[A\x1b[D\x09process.env\nprint("OP"+"EN")\n',
];
const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** Types all of it on a port, and waits until whatever comes of it has come. */
async function typeAll(type: (text: string) => void): Promise<void> {
  for (const text of KEYS) {
    type(text);
    await wait(120); // longer than the wire's silence, so that the link takes each as a frame of its own
  }
  await wait(300);
}

const start = (name: string, folder: string, wires: number): Promise<EspruinoDevice> =>
  espruinoDevice({ program: ESPRUINO, bundle: name, folder, wires });

withEspruino("typed where a console is, on its own port or on a wire, the same is evaluated", async () => {
  const device = await start('Serial1.setup(115200);$console.call(E,"Serial1",{force:true});', temporary(), 1);
  let heard = "";
  try {
    device.wires[0]?.onReceive((bytes) => (heard += latin(bytes)));
    device.powerOn().catch(() => undefined); // it says nothing on the port that this waits for
    await wait(800);
    device.wires[0]?.write(Buffer.from(KEYS[3], "latin1"));
    await until(() => heard.includes("OPEN"), "the wire's console to evaluate a line");
  } finally {
    await device.dispose();
  }
});

for (const role of ["card", "cartridge", "reader", "client"] as const)
  withEspruino(`${role}: nothing typed on the console's port or on any wire is echoed or run, and the device goes on`, async () => {
    const folder = temporary();
    const device = await start(bundle(role), folder, WIRES[role]);
    const files = (): string =>
      [...storageFiles(readFileSync(join(folder, "espruino.flash")))].map(([name, { length }]) => `${name} ${String(length)}`).join();
    let heard = "";
    try {
      for (const wire of device.wires) wire.onReceive((bytes) => (heard += latin(bytes)));
      await device.powerOn();
      await wait(1500);
      const before = device.console();
      const stored = files();
      const { pid } = device;
      await Promise.all([
        typeAll((text) => {
          device.type(text);
        }),
        ...device.wires.map((wire) =>
          typeAll((text) => {
            wire.write(Buffer.from(text, "latin1"));
          }),
        ),
      ]);
      assert.is(device.console(), before, "the console's port said something");
      assert.not.match(heard, /OPEN|>|Uncaught|\x1b/, "a wire said something of a console");
      assert.is(files(), stored, "Storage was changed from outside");
      assert.is(device.pid, pid);
      await answersIfs(device, HOST_WIRE[role]);
    } finally {
      await device.dispose();
    }
  });

withEspruino("a card on a Puck.js puts its radio to sleep, so that no Bluetooth connection can ask for a console", async () => {
  const device = await start(bundle("card"), temporary(), 1);
  let told = "";
  try {
    device.bench.onReceive((bytes) => (told += latin(bytes)));
    await device.powerOn();
    await until(() => told.includes("NRF.sleep;"), "the radio to be put to sleep");
  } finally {
    await device.dispose();
  }
});

test.run();
