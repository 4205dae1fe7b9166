import type { Board } from "../board.js";

/** What boards/jerryscript/host/host.c puts into the engine. */
export interface Host {
  hostNow(): number;
  hostAfter(milliseconds: number, handler: () => void): number;
  hostCancel(id: number): void;
  hostRandom(out: Uint8Array): void;
  hostWrite(port: number, bytes: Uint8Array): void;
  hostReceive(port: number, receiver: (bytes: Uint8Array) => void): void;
  hostFlashRead(address: number, out: Uint8Array): boolean;
  hostFlashProgram(address: number, bytes: Uint8Array): boolean;
  hostFlashErase(address: number): boolean;
  hostSupply(): number;
  hostEvent(event: number, handler: ((docked: boolean) => void) | (() => void)): void;
  hostSink(bytes: Uint8Array): void;
  /** `length` zero bytes outside the engine's heap, which the system does not swap out. */
  hostKeyMemory(length: number): Uint8Array;
}

/** A board whose members can still be added. */
export type BoardInMaking = { -readonly [key in keyof Board]: Board[key] };
