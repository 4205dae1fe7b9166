import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SerialPort } from "serialport";
import * as assert from "uvu/assert";
import { openSerial } from "../../src/host/serial.js";
import { openTcp } from "../../src/host/tcp.js";
import { LINK_UNPLUGGED, LinkError, Transport } from "../../src/host/transport.js";
import { suite } from "../suite.js";
import { EchoDevice } from "./device.js";

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
async function rejection(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("expected an error, got none");
}

/** A device that listens on TCP; `unplug` breaks the connection and lets nobody in until `plug`. */
class Socketed {
  readonly device = new EchoDevice();
  #server: Server | undefined;
  #sockets: Socket[] = [];
  #port = 0;

  async plug(): Promise<string> {
    const server = createServer((socket) => {
      this.#sockets.push(socket);
      this.device.attach(socket);
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    return `tcp://127.0.0.1:${String(this.#port)}`;
  }
  async unplug(): Promise<void> {
    this.device.stop();
    for (const socket of this.#sockets.splice(0)) socket.destroy();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}

async function everything(transport: Transport, device: EchoDevice): Promise<void> {
  const long = Uint8Array.from({ length: 640 }, (_, i) => i & 255);
  assert.is(await transport.reset(), 2);
  assert.equal(await transport.transmit(Uint8Array.of(3, 4, 5)), Uint8Array.of(5, 4, 3));
  const answers = await Promise.all([transport.transmit(long), transport.transmit(Uint8Array.of(7, 8))]);
  assert.equal(answers, [long.slice().reverse(), Uint8Array.of(8, 7)]);
  await transport.transmit(Uint8Array.of(1));
  const got: number[] = [];
  await transport.bulkReceive((index, content) => got.push(index, content.length, content[511]));
  assert.equal(got, [0, 512, 0, 1, 512, 1, 2, 512, 2]);
  device.taken = 0;
  await transport.transmit(Uint8Array.of(2));
  await transport.bulkSend(20, (index) => new Uint8Array(512 - index));
  assert.is(device.taken, 20 * 512 - 190);
  let role = 0;
  transport.onReset = (who) => (role = who);
  device.start();
  await sleep(50);
  assert.is(role, 2);
}

const tcp = suite("transport over TCP");

tcp("carries commands, transfers and answers to reset", async () => {
  const socketed = new Socketed();
  const transport = new Transport(await openTcp(await socketed.plug()));
  await everything(transport, socketed.device);
  await transport.close();
  await socketed.unplug();
});

tcp("unplugged in the midst of an exchange it says so at once; plugged in again it works", async () => {
  const socketed = new Socketed();
  const address = await socketed.plug();
  const transport = new Transport(await openTcp(address));
  const changes: boolean[] = [];
  transport.onChange = (ready) => changes.push(ready);
  await transport.transmit(Uint8Array.of(3));
  const began = performance.now();
  const exchange = rejection(transport.transmit(Uint8Array.of(9)));
  await sleep(50);
  await socketed.unplug();
  const error = await exchange;
  assert.ok(error instanceof LinkError && error.reason === LINK_UNPLUGGED);
  assert.is(error.message, `${address}: The device was unplugged; plug it in again.`);
  assert.ok(performance.now() - began < 500);
  assert.is((await rejection(transport.transmit(Uint8Array.of(3)))).message, error.message);
  await socketed.plug();
  for (let i = 0; i < 40 && !transport.ready; i++) await sleep(50);
  assert.equal(await transport.transmit(Uint8Array.of(3, 4)), Uint8Array.of(4, 3));
  assert.equal(changes, [false, true]);
  await transport.close();
  await socketed.unplug();
});

tcp("work is done again from the start when the device is plugged in again, wherever it was unplugged", async () => {
  for (const where of ["exchange", "receive", "send"]) {
    const socketed = new Socketed();
    const transport = new Transport(await openTcp(await socketed.plug()));
    const told: string[] = [];
    let plugged: Promise<unknown> = Promise.resolve();
    let pulled = false;
    const pull = (): void => {
      if (pulled) return;
      pulled = true;
      plugged = socketed.unplug().then(() => sleep(100).then(() => socketed.plug()));
    };
    const result = await transport.retrying(
      async () => {
        if (where === "exchange") setTimeout(pull, 20);
        await transport.transmit(Uint8Array.of(where === "exchange" ? 9 : where === "receive" ? 1 : 2));
        let frames = 0;
        if (where === "receive")
          await transport.bulkReceive(() => {
            frames++;
            pull();
          });
        if (where === "send")
          await transport.bulkSend(4, (index) => {
            if (index === 2) pull();
            frames++;
            return new Uint8Array(100);
          });
        return frames;
      },
      (error) => told.push(error.message),
    );
    await plugged;
    assert.is(told.length, 1, where);
    assert.match(told[0], /unplugged/);
    assert.is(result, { exchange: 0, receive: 3, send: 4 }[where]);
    await transport.close();
    await socketed.unplug();
  }
});

tcp("gives up when the device does not come back in time, and at once when it was closed", async () => {
  const socketed = new Socketed();
  const transport = new Transport(await openTcp(await socketed.plug()));
  await socketed.unplug();
  await sleep(50);
  assert.match(
    (await rejection(transport.retrying(() => transport.transmit(Uint8Array.of(1)), undefined, 3, 100))).message,
    /plug it in again/,
  );
  const waiting = rejection(transport.retrying(() => transport.transmit(Uint8Array.of(1))));
  await sleep(50);
  await transport.close();
  assert.match((await waiting).message, /unplugged/);
});

tcp("an address that is none, and one where nobody answers, are refused with what to do", async () => {
  for (const wrong of ["tcp://", "tcp://host", "tcp://host:99999", "http://host:1", "tcp://a b:1"])
    assert.match((await rejection(openTcp(wrong))).message, /expected tcp:\/\/host:port/);
  assert.match(
    (await rejection(openTcp("tcp://127.0.0.1:1"))).message,
    /does not answer .* start the device there, or name another address/,
  );
});

tcp("a device that says nothing ends in an error that tells what to check", async () => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const transport = new Transport(await openTcp(`tcp://127.0.0.1:${String((server.address() as AddressInfo).port)}`));
  assert.match((await rejection(transport.reset())).message, /does not answer; check/);
  assert.match((await rejection(transport.transmit(new Uint8Array(641)))).message, /1 to 640 bytes long, got 641/);
  await transport.close();
  server.close();
});
tcp.run();

const hasSocat = ((): boolean => {
  try {
    execFileSync("socat", ["-V"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

const serial = suite("transport over a serial port");
const withSocat = serial.when(hasSocat, "needs socat");

/** A pair of pseudo-terminals; ending it is pulling the plug. */
class Cable {
  readonly folder = mkdtempSync(join(tmpdir(), "leyden-"));
  readonly host = join(this.folder, "host");
  readonly #device = join(this.folder, "device");
  #socat: ChildProcess | undefined;

  async plug(device: EchoDevice): Promise<void> {
    this.#socat = spawn("socat", [`pty,raw,echo=0,link=${this.host}`, `pty,raw,echo=0,link=${this.#device}`], { stdio: "ignore" });
    for (let i = 0; i < 100 && !(existsSync(this.host) && existsSync(this.#device)); i++) await sleep(20);
    const port = new SerialPort({ path: this.#device, baudRate: 115_200, autoOpen: false });
    await new Promise<void>((resolve, reject) =>
      port.open((error) => {
        if (error) reject(error);
        else resolve();
      }),
    );
    device.attach(port);
  }
  async unplug(): Promise<void> {
    const socat = this.#socat;
    if (!socat) return;
    await new Promise((resolve) => {
      socat.once("exit", resolve);
      socat.kill();
    });
  }
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

withSocat("carries commands, transfers and answers to reset; unplugged it says so, plugged in again it works", async () => {
  const cable = new Cable();
  const device = new EchoDevice();
  await cable.plug(device);
  const transport = new Transport(await openSerial(cable.host));
  await everything(transport, device);
  const told: string[] = [];
  let plugged: Promise<unknown> = Promise.resolve();
  const answer = await transport.retrying(
    () => {
      if (!told.length) setTimeout(() => (plugged = cable.unplug().then(() => cable.plug(device))), 50);
      return transport.transmit(Uint8Array.of(9, 1));
    },
    (error) => told.push(error.message),
  );
  await plugged;
  assert.equal(answer, Uint8Array.of(1, 9));
  assert.equal(told, [`${cable.host}: The device was unplugged; plug it in again.`]);
  await transport.close();
  await cable.unplug();
  cable.remove();
});

serial("a port that is not there is refused with what to do", async () => {
  const { message } = await rejection(openSerial("/dev/leyden-none"));
  assert.is(
    message,
    "/dev/leyden-none cannot be opened (No such file or directory): plug the device in and end other programs that use it, or name another port.",
  );
});
serial.run();
