/**
 * JerryScript on a simulated board: what boards/jerryscript/host gives that engine, over the board's wires, flash, pins and clock. The same bundle
 * runs on it in the sandbox and in a real JerryScript.
 */
import type { Clock } from "./clock.js";
import type { Decoder } from "./decoder.js";
import type { EngineContext } from "./espruino/context.js";
import type { Arenas } from "./espruino/memory.js";
import type { Pins } from "./espruino/pins.js";
import { PICO, type EngineProfile, type Wiring } from "./espruino/profile.js";
import type { BoardPort } from "./espruino/serial.js";
import type { Timers } from "./espruino/timers.js";
import { toBytes } from "./espruino/bytes.js";
import type { NorFlash } from "./flash.js";
import type { Random } from "./random.js";
import type { KeyCell } from "./supply.js";

/** Wires of the host by their index, as ports of the simulated board. */
const PORTS = ["Serial1", "Serial2", "USB"];
const BAUD = 115_200;

/** A machine that runs the host: its flash is a file, which is programmed and erased in no time. Supply and power are an Espruino Pico's. */
export const JERRY_HOST: EngineProfile = {
  ...PICO,
  board: "JERRYSCRIPT",
  version: "3.0",
  crypto: [],
  files: false,
  flash: { start: 0, length: 0x1100000, page: 4096, unit: 1, eraseTime: 0, programTime: 0, endurance: 1e9 },
  // behind what the firmware uses, and only to hold the bundle
  storage: { start: 0x1010000, length: 0xf0000, alignment: 4 },
  receiveBuffer: 65_536,
  receiveFifo: 65_536,
  console: "none",
  deafInDeepSleep: false,
  // the host waits in poll(2) whether its wires are awake or not
  listenAmperes: PICO.sleepAmperes,
};

export interface HostBoard {
  readonly clock: Clock;
  readonly localTime: number;
  readonly seconds: number;
  readonly random: Random;
  readonly timers: Timers;
  readonly pins: Pins;
  readonly flash: NorFlash;
  readonly wiring: Wiring;
  readonly decoder: Decoder | undefined;
  readonly keyCell: KeyCell | undefined;
  readonly arenas: Arenas;
  port(id: string): BoardPort;
  run(task: () => void): void;
}

type Handler = (state: boolean) => void;

/** The host's services in terms of bytes, as a real interpreter asks for them by message. */
export function hostServices(board: HostBoard, context: EngineContext): Record<string, unknown> {
  const ports = PORTS.map((id) => board.port(id).object(context) as Record<string, (...args: unknown[]) => unknown>);
  for (const port of ports) port.setup(BAUD);
  const { wiring, pins } = board;
  const watches: [pin: string | undefined, edge: string, repeat: boolean][] = [
    [wiring.powerFail, "falling", false],
    [wiring.tamper, "rising", false],
    ["BTN1", "rising", true],
    [wiring.contact, "both", true],
  ];
  return {
    now: () => Math.floor(board.seconds * 1000),
    random: (length: number) => Uint8Array.from({ length }, () => board.random.uint32() & 255),
    write: (bytes: Uint8Array, index: number) => ports[index].write(bytes),
    receive: (index: number, receiver: (data: string) => void) => {
      ports[index].removeAllListeners("data");
      ports[index].on("data", receiver);
    },
    flashRead: (address: number, length: number) => board.flash.read(address, length),
    flashProgram: (bytes: Uint8Array, address: number) => {
      board.flash.program(address, bytes);
      return true;
    },
    flashErase: (address: number) => {
      board.flash.erase(address);
      return true;
    },
    supply: () => Math.floor((board.keyCell?.volts ?? 0) * 1000),
    event: (number: number, handler: Handler) => {
      const [pin, edge, repeat] = watches[number] ?? [undefined, "", false];
      if (pin === undefined) return 0;
      if (edge === "both" && pins.level(pin))
        board.run(() => {
          handler(true);
        });
      return pins.watch(pin, edge === "both" ? 0 : edge === "rising" ? 1 : -1, repeat, handler);
    },
    sink: (bytes: Uint8Array) => board.decoder?.take(Uint8Array.from(bytes), board.localTime),
  };
}

/** Puts the host into a context: `host` for a real interpreter's messages, `leydenHost` for a bundle in the sandbox. */
export function defineHost(board: HostBoard, context: EngineContext): void {
  const host = hostServices(board, context) as Record<string, (...args: unknown[]) => unknown>;
  context.define("host", host);
  context.define(
    "leydenHost",
    context.object({
      hostNow: host.now,
      hostAfter: (milliseconds: number, handler: () => void) => board.timers.set(handler, milliseconds, false),
      hostCancel: (id: number) => {
        board.timers.clear(id);
      },
      hostRandom: (out: Uint8Array) => {
        out.set(host.random(out.length) as Uint8Array);
      },
      hostWrite: (index: number, bytes: Uint8Array) => host.write(bytes, index),
      hostReceive: (index: number, receiver: (bytes: Uint8Array) => void) =>
        host.receive(index, (data: string) => {
          receiver(context.bytes(toBytes(data)));
        }),
      hostFlashRead: (address: number, out: Uint8Array) => {
        out.set(host.flashRead(address, out.length) as Uint8Array);
        return true;
      },
      hostFlashProgram: (address: number, bytes: Uint8Array) => host.flashProgram(Uint8Array.from(bytes), address),
      hostFlashErase: host.flashErase,
      hostSupply: host.supply,
      hostEvent: host.event,
      hostSink: host.sink,
      hostKeyMemory: (length: number) => {
        const memory = context.bytes(new Uint8Array(length));
        board.arenas.addressOf(memory);
        return memory;
      },
    }),
  );
}
