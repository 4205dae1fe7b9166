import * as assert from "uvu/assert";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { espruinoDevice } from "../../sim/engine/espruino.js";
import { jerryDevice, jerryHost } from "../../sim/engine/jerry.js";
import { storageFiles } from "../../sim/engine/storage-image.js";
import { suite } from "../suite.js";
import { ESPRUINO, HOST_WIRE, JERRY_HOME, WIRES, answersIfs, bundle, temporary, until, wait, type Role } from "./support.js";

const test = suite("devices in real interpreters");
const withEspruino = test.when(ESPRUINO !== "", "ESPRUINO is not set");
const withJerry = test.when(JERRY_HOME !== "", "JERRY_HOME is not set");

const ROLES: readonly Role[] = ["card", "cartridge", "reader", "client"];

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
