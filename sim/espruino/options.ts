/** What a simulated board is made of, and what it needs of the world around it. */
import type { Clock } from "../clock.js";
import type { EspruinoBoard } from "../espruino.js";
import type { Tear } from "../flash.js";
import type { EngineContext } from "./context.js";
import type { Random } from "../random.js";
import type { KeyCell } from "../supply.js";
import type { Trace } from "../trace.js";
import type { EngineProfile, Wiring } from "./profile.js";

/** Names an operation that a fault may hit. */
export type Operation = "flash" | "serial" | "timer";

export interface BoardWorld {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly random: Random;
  /** Asked before every operation; a tear cuts the power there. */
  operation(device: string, what: Operation): Tear | undefined;
  /** Host code may have something to do. */
  wake(): void;
  /** The power of `board` was cut by a fault. */
  wasCut(board: EspruinoBoard): void;
  /** Samples that a board's loudspeaker played. */
  played(board: EspruinoBoard, pin: string, what: "begin" | "end" | Uint8Array): void;
}

export interface BoardOptions {
  name: string;
  profile: EngineProfile;
  wiring?: Wiring;
  /** Capacitor behind a diode; a cartridge has one. */
  keyCell?: KeyCell;
  /** What the board's wireless reaches: GETs an address and answers the status. Without it nothing answers. */
  http?: (url: string) => Promise<number>;
  /** Time from supply to the bundle's first statement, in microseconds. Default 100,000. */
  bootTime?: number;
  /** Virtual time that the bundle's code takes, in microseconds: for each event, and for each received byte. Default 0. */
  costs?: { event?: number; byte?: number };
  /** See `SandboxOptions.keepDropped`. */
  keepDropped?: boolean;
  /** Makes the interpreter that runs the bundle, anew at every start. Default: a sandbox in this process. */
  engine?: (device: string) => EngineContext;
  /** Arrays for which the bundle finds no flat room, by the order in which it asks: tests of its fallback. */
  fragmented?: boolean;
}
