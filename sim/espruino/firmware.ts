import type { EspruinoBoard } from "../espruino.js";
import { JERRY_HOST, defineHost } from "../jerry.js";
import type { EngineContext } from "./context.js";
import { defineGlobals } from "./globals.js";
import type { BoardPort } from "./serial.js";
import { waveformConstructor } from "./waveform.js";

/** Files of Storage that the engine runs at its start, in this order. */
const BOOT_FILES = [".bootrst", ".bootcde", ".boot0"];

/**
 * Gives a sandbox the engine's globals and runs what Storage holds for the start.
 *
 * @param beside - an experimental script to run in place of the boot file
 */
export function runFirmware(
  board: EspruinoBoard,
  sandbox: EngineContext,
  ports: ReadonlyMap<string, BoardPort>,
  beside: string | undefined,
): void {
  defineGlobals(board, sandbox);
  board.pins.define(sandbox);
  for (const [id, port] of ports) {
    const object = port.object(sandbox);
    object.id = id;
    sandbox.define(id, object);
  }
  sandbox.define("Waveform", waveformConstructor(board, sandbox));
  if (board.profile === JERRY_HOST) defineHost(board, sandbox);
  const boot = BOOT_FILES.map((name) => ({ name, code: board.storage.read(name) })).filter(({ code }) => code?.length);
  board.world.trace.add(board.name, "boot", {
    bytes: boot.reduce((sum, { code }) => sum + (code?.length ?? 0), 0),
    count: board.counts.boots,
  });
  for (const { name, code } of boot) sandbox.run(beside ?? Buffer.from(code as Uint8Array).toString("latin1"), `${board.name}${name}`);
}
