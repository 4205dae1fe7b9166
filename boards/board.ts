/**
 * The one seam between firmware and hardware. Firmware reaches time, randomness, storage and wires only through a `Board`; a binding
 * (Espruino, JerryScript) implements it over its engine's globals. Members after "optional" are absent on boards without the part.
 */
import type { Natives } from "../src/core/natives.js";

/** One UART, 8N1. */
export interface SerialPort {
  /** Queues all of `bytes` for sending, in order; they are copied before this returns. */
  write(bytes: Uint8Array): void;
  /** Installs the one receiver. `bytes` is any run of received bytes, in order, and is valid only during the call. */
  onReceive(receiver: (bytes: Uint8Array) => void): void;
}

/** Two equal regions of NOR flash for append-only records. Programming turns bits from 1 to 0 only; erased bytes read 0xFF. */
export interface JournalFlash {
  /** Bytes in one region; a multiple of the erase page. */
  readonly regionLength: number;
  /** Offsets and lengths of `program` are multiples of this many bytes. */
  readonly programUnit: number;
  /** Fills `out` from `region` (0 or 1) at byte `offset`. */
  read(region: number, offset: number, out: Uint8Array): void;
  /** Programs `bytes` at `offset` of `region`. A power cut can leave any subset of the bits done. */
  program(region: number, offset: number, bytes: Uint8Array): void;
  /** Erases the whole region. A power cut can leave any mixture. */
  erase(region: number): void;
}

/** Where a cartridge or client keeps sealed content: engine flash, SPI NOR, or a file on an SD card. Holds ciphertext only. */
export interface ContentStore {
  /** Largest sealed content, in bytes. */
  readonly capacity: number;
  /** Forgets what was stored and makes room for `length` bytes. False when there is no room or no medium. */
  reset(length: number): boolean;
  /** Writes at `offset`; offsets only ever ascend without gaps after `reset`. False when the medium failed. */
  write(offset: number, bytes: Uint8Array): boolean;
  /** Fills `out` from `offset`. False when the medium failed or the range was never written. */
  read(offset: number, out: Uint8Array): boolean;
}

/** Capacitor-backed supply of key memory and timer. */
export interface KeySupply {
  /** Voltage from which on the capacitor counts as charged for a loan, in millivolts. */
  readonly charged: number;
  /** Voltage of the key capacitor, in millivolts. */
  millivolts(): number;
  /** Calls `handler` once when the power-fail comparator trips: voltage is low, but still high enough to overwrite. */
  onPowerFail(handler: () => void): void;
}

/** Where a reader plays to: an audio output, or any byte sink. */
export interface Sink {
  /** Starts one content. `rate` is samples a second for audio, 0 for plain bytes. */
  begin(rate: number): void;
  /** Takes all of `bytes` (copied) and calls `ready` once when it can take as many again. */
  write(bytes: Uint8Array, ready: () => void): void;
  /** Ends the content; what was written is played out. */
  end(): void;
}

/** A link to the Internet, on boards that have one. Each call answers exactly once. */
export interface Network {
  /** GETs an http(s) address; `status` is 0 when nothing answered. */
  get(url: string, done: (status: number) => void): void;
}

/** Quality of `Board.entropy`: nothing usable, analog noise that needs an enrolled seed mixed in, or a hardware generator. */
export const ENTROPY_NONE = 0;
export const ENTROPY_NOISE = 1;
export const ENTROPY_HARDWARE = 2;

export interface Board {
  /** Name of the board profile, ASCII, at most 16 bytes. */
  readonly name: Uint8Array;
  /** Stream suites that the board computes natively: bit 0 suite 1, bit 1 suite 2. */
  readonly suites: number;
  /** Milliseconds since start; monotonic, whatever the engine's wall clock is set to. */
  now(): number;
  /** Calls `handler` once after `milliseconds`; answers an id for `cancel`. */
  after(milliseconds: number, handler: () => void): number;
  cancel(id: number): void;
  /** Fills `out` from the engine's source. */
  entropy(out: Uint8Array): void;
  readonly entropyQuality: number;
  /** Serial ports by index; a device's entry file says which index is which wire. */
  readonly serial: SerialPort[];
  readonly journal: JournalFlash;
  led(on: boolean): void;
  /** What the engine computes natively; each is checked against a known answer before use. */
  readonly natives: Natives;
  /** Lets the processor sleep deeply between events (true) or keeps serial ports awake (false). */
  sleep(deep: boolean): void;
  /** Seals the engine's console: nobody on USB, Bluetooth or a wire can stop the program or read memory. */
  closeConsole(): void;

  /** Optional: memory that only the key capacitor keeps alive; flat, zero after every reset. */
  readonly keyMemory?: Uint8Array;
  readonly keySupply?: KeySupply;
  /** Optional: calls `handler` with true when a slot begins to supply the board (also when it does already), with false when it stops. */
  onContact?(handler: (docked: boolean) => void): void;
  /** Optional: calls `handler` when the case is opened. */
  onTamper?(handler: () => void): void;
  readonly contentStore?: ContentStore;
  /** Optional: button or touch at x, y (0..255 each; a plain button is 0, 0). */
  onTouch?(handler: (x: number, y: number) => void): void;
  readonly sink?: Sink;
  readonly network?: Network;
}
