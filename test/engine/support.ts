/** Real interpreters for tests, from the environment, and folders for what they keep. */
import * as assert from "uvu/assert";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineDevice } from "../../sim/engine/device.js";
import { storedBundle } from "../../sim/specimens.js";

/** An Espruino built for Linux. */
export const ESPRUINO = process.env.ESPRUINO ?? "";
/** The same with variables of 13 bytes, as a 32-bit build of 2,048 to 8,191 of them has. Bench and engine take 690, 48 of it the engine: with 3,272 a card has a Puck.js's 2,630. */
export const ESPRUINO_SMALL = process.env.ESPRUINO_SMALL ?? "";
/** Headers and libraries of an installed JerryScript. */
export const JERRY_HOME = process.env.JERRY_HOME ?? "";
/** The plain command of JerryScript. */
export const JERRY = process.env.JERRY ?? "";

export const temporary = (): string => mkdtempSync(join(tmpdir(), "leyden-engine-"));
/** The text of a bundle; and what is put on a board. */
export const script = (name: string): string => readFileSync(join("dist", `${name}.js`), "latin1");
export const bundle = storedBundle;
export const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Output of a program that gets no input; it is killed after `limit` milliseconds, since engines end in a prompt. */
export function output(program: string, args: readonly string[], folder: string, limit = 60_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), limit);
    child.on("error", reject);
    child.stdout.on("data", (data: Buffer) => (text += data.toString("latin1")));
    child.stderr.on("data", (data: Buffer) => (text += data.toString("latin1")));
    child.on("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}

/** Polls until `condition` holds; rejects with `what` after `limit` milliseconds. */
export async function until(condition: () => boolean, what: string, limit = 20_000): Promise<void> {
  const end = Date.now() + limit;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${String(limit)} ms for ${what}`);
    await wait(20);
  }
}

/** Which wire leads to a host, by role, and how many there are. */
export const HOST_WIRE = { card: 0, cartridge: 0, reader: 2, client: 2 };
export const WIRES = { card: 1, cartridge: 1, reader: 3, client: 3 };
export type Role = keyof typeof WIRES;

/** S(IFS request) for 32 bytes, and its answer (ISO/IEC 7816-3, 11.4). */
const IFS_REQUEST = "00c10120e0";
const IFS_RESPONSE = "00e10120c0";

/** Sends a block until it is answered, as a host does, whose first block may find the device asleep. */
export async function answersIfs(device: EngineDevice, wire: number): Promise<void> {
  let received = "";
  device.wires[wire]?.onReceive((bytes) => (received += Buffer.from(bytes).toString("hex")));
  for (let i = 0; i < 20 && !received.includes(IFS_RESPONSE); i++) {
    device.wires[wire]?.write(Buffer.from(IFS_REQUEST, "hex"));
    await wait(250);
  }
  assert.ok(received.includes(IFS_RESPONSE), `expected ${IFS_RESPONSE}, got "${received}"`);
}
