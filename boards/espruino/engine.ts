/**
 * The part of Espruino 2v29 that the binding uses, typed. Files declare the globals they need themselves (`declare const E: EngineE`), so
 * that these names exist nowhere else in the project. Source: the engine's src/jswrap_*.c and libs/.
 */

/** A pin by its name on the board, "B3" or "D28". */
export type Pin = string;

export interface EngineE {
  /** 32 random bits; how good they are depends on the chip. */
  hwRand(): number;
  convolve(a: Float64Array, b: Float64Array, shift: number): number;
  CRC32(bytes: Uint8Array): number;
  toUint8Array(data: string): Uint8Array;
  /** Names of what has gone wrong since the last call: "MEMORY" where an event was broken off for want of it. */
  getErrorFlags(): string[];
  /** Starts the chip anew. */
  reboot(): void;
  /** Voltage that an analogRead of 1 stands for. */
  getAnalogVRef(): number;
  /** Address of a flat array's bytes, or 0 when it is not flat. */
  getAddressOf(value: Uint8Array, flat: true): number;
  setConsole(device: string | null, options?: { force: boolean }): void;
  connectSDCard(spi: EngineSpi, chipSelect: Pin): void;
  openFile(name: string, mode: "r+" | "w"): EngineFile | undefined;
}

export interface EngineFile {
  write(bytes: Uint8Array): number;
  read(length: number): string | undefined;
  seek(offset: number): void;
  close(): void;
}

export interface EngineSerial {
  setup(baud: number, options: { tx: Pin; rx: Pin }): void;
  write(bytes: Uint8Array): void;
  on(event: "data", listener: (data: string) => void): void;
  removeAllListeners(event: "data"): void;
}

export type SpiData = number | Uint8Array | { data: number; count: number } | SpiData[];

export interface EngineSpi {
  setup(options: { sck: Pin; miso?: Pin; mosi: Pin; baud: number }): void;
  write(data: Uint8Array): void;
  /** Sends `data` and answers as many received bytes; `chipSelect` is low meanwhile. */
  send(data: SpiData, chipSelect: Pin): Uint8Array;
}

/** require("Flash"): the chip's own flash (on a Bangle.js 2 the one outside) by address. */
export interface EngineFlash {
  read(length: number, address: number): Uint8Array;
  write(bytes: Uint8Array, address: number): void;
  erasePage(address: number): void;
  getPage(address: number): { addr: number; length: number };
}

/** require("Storage"): used once, before personalization, to set room aside. */
export interface EngineStorage {
  write(name: string, data: string, offset: number, size: number): boolean;
  getFree(): number;
}

/** require("crypto"). Results are new ArrayBuffers; AES is CBC unless its options name another mode. */
export interface EngineCrypto {
  SHA256(parts: (Uint8Array | ArrayBuffer)[]): ArrayBuffer;
  SHA512(parts: (Uint8Array | ArrayBuffer)[]): ArrayBuffer;
  AES: {
    encrypt(data: Uint8Array, key: Uint8Array, options: { iv: Uint8Array | ArrayBuffer }): ArrayBuffer;
    decrypt(data: Uint8Array, key: Uint8Array, options: { iv: Uint8Array | ArrayBuffer }): ArrayBuffer;
  };
}

export interface EngineWaveform {
  buffer: Uint8Array;
  buffer2: Uint8Array;
  on(event: "buffer", listener: (played: Uint8Array) => void): void;
  startOutput(pin: Pin, rate: number, options: { repeat: boolean }): void;
  stop(): void;
}

export interface WatchOptions {
  edge: "rising" | "falling" | "both";
  repeat: boolean;
  debounce?: number;
}
