import * as assert from "uvu/assert";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineDevice } from "../../sim/engine/device.js";
import { espruinoDevice } from "../../sim/engine/espruino.js";
import { jerryDevice, jerryHost } from "../../sim/engine/jerry.js";
import { storageFiles } from "../../sim/engine/storage-image.js";
import { suite } from "../suite.js";
import { ESPRUINO, JERRY_HOME, bundle, temporary, until, wait } from "./support.js";

const test = suite("devices in real interpreters");
const withEspruino = test.when(ESPRUINO !== "", "ESPRUINO is not set");
const withJerry = test.when(JERRY_HOME !== "", "JERRY_HOME is not set");

/** Which wire leads to a host, by role, and how many there are. */
const HOST_WIRE = { card: 0, cartridge: 0, reader: 2 };
const WIRES = { card: 1, cartridge: 1, reader: 3 };
type Role = keyof typeof WIRES;
const ROLES: readonly Role[] = ["card", "cartridge", "reader"];

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
/** S(IFS request) for 32 bytes, and its answer (ISO/IEC 7816-3, 11.4). */
const IFS_REQUEST = "00c10120e0";
const IFS_RESPONSE = "00e10120c0";

/** Sends a block until it is answered, as a host does, whose first block may find the device asleep. */
async function answersIfs(device: EngineDevice, wire: number): Promise<void> {
  let received = "";
  device.wires[wire]?.onReceive((bytes) => (received += hex(bytes)));
  for (let i = 0; i < 20 && !received.includes(IFS_RESPONSE); i++) {
    device.wires[wire]?.write(Buffer.from(IFS_REQUEST, "hex"));
    await wait(250);
  }
  assert.ok(received.includes(IFS_RESPONSE), `expected ${IFS_RESPONSE}, got "${received}"`);
}

const espruino = (role: Role): ReturnType<typeof espruinoDevice> =>
  espruinoDevice({ program: ESPRUINO, bundle: bundle(role), folder: temporary(), wires: WIRES[role] });

for (const role of ROLES) {
  withEspruino(`dist/${role}.js boots from Storage on Espruino, answers on its wire, and does so again after a cut`, async () => {
    const device = await espruino(role);
    try {
      for (let run = 0; run < 2; run++) {
        await device.powerOn();
        await answersIfs(device, HOST_WIRE[role]);
        await device.powerOff();
      }
    } finally {
      await device.dispose();
    }
  });
  withJerry(`dist/jerryscript/${role}.js runs on JerryScript and answers on its wire`, async () => {
    const program = await jerryHost(JERRY_HOME);
    const device = jerryDevice({ program, bundle: bundle(`jerryscript/${role}`), folder: temporary(), wires: WIRES[role] });
    try {
      await device.powerOn();
      await answersIfs(device, HOST_WIRE[role]);
      assert.is(device.messages(), "");
    } finally {
      await device.dispose();
    }
  });
}

withEspruino("the console is closed: what is typed is neither echoed nor run, and control-C stops nothing", async () => {
  const folder = temporary();
  const device = await espruinoDevice({ program: ESPRUINO, bundle: bundle("card"), folder, wires: 1 });
  try {
    await device.powerOn();
    await wait(300);
    const before = device.console();
    device.type('\x03\x03require("Storage").eraseAll();print("OPEN")\n');
    await wait(700);
    assert.is(device.console(), before);
    assert.ok(storageFiles(readFileSync(join(folder, "espruino.flash"))).has(".boot0"), "Storage was erased from the console");
    await answersIfs(device, 0);
  } finally {
    await device.dispose();
  }
});

withEspruino("the button held at power-on erases the journal before it gives the console back", async () => {
  const folder = temporary();
  const device = await espruinoDevice({ program: ESPRUINO, bundle: bundle("card"), folder, wires: 1 });
  const journal = (): Uint8Array => storageFiles(readFileSync(join(folder, "espruino.flash"))).get(".leyden") ?? new Uint8Array(0);
  try {
    await device.powerOn();
    await answersIfs(device, 0);
    await device.powerOff();
    // as if records were in it: every byte of the file is programmed
    const image = readFileSync(join(folder, "espruino.flash"));
    const at = image.indexOf(".leyden") + 28;
    image.fill(0x5a, at, at + journal().length);
    writeFileSync(join(folder, "espruino.flash"), image);
    device.holdButton(true);
    await device.powerOn();
    await wait(500);
    const left = Buffer.from(journal());
    const first = left.indexOf(0xff);
    assert.ok(
      first >= 0 && left.subarray(first, first + 8192).every((byte) => byte === 0xff),
      "two regions of at least a page are not erased",
    );
    assert.is(first % 4, 0);
    device.type('print("O"+"PEN")\n');
    await until(() => device.console().includes("OPEN"), "the console to answer");
  } finally {
    await device.dispose();
  }
});

withEspruino("running a device makes, moves and deletes no file in Storage", async () => {
  const folder = temporary();
  const device = await espruinoDevice({ program: ESPRUINO, bundle: bundle("card"), folder, wires: 1 });
  const layout = (): string =>
    [...storageFiles(readFileSync(join(folder, "espruino.flash")))].map(([name, data]) => `${name} ${String(data.length)}`).join();
  try {
    await device.powerOn();
    await answersIfs(device, 0);
    const before = layout();
    for (let run = 0; run < 10; run++) {
      await device.powerOff();
      await device.powerOn();
      await answersIfs(device, 0);
    }
    assert.is(layout(), before);
    assert.ok(existsSync(join(folder, "espruino.flash")) && statSync(join(folder, "espruino.flash")).size === 262144);
  } finally {
    await device.dispose();
  }
});

test.run();
