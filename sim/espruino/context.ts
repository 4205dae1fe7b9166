/** Where a bundle runs: a JavaScript world of its own, in this process (sandbox.ts) or in a real interpreter (../engine/remote.ts). */
export interface EngineContext {
  /** Puts `value` into the world as a global. */
  define(name: string, value: unknown): void;
  /** Runs `code`, a character a byte as Storage holds it, as a script and answers its completion value, where that can be known. */
  run(code: string, filename: string): unknown;
  /** An error of that world, to be thrown by functions that the bundle calls. */
  error(message: string): Error;
  /** A Uint8Array of that world with a copy of `bytes`. */
  bytes(bytes: ArrayLike<number>): Uint8Array;
  buffer(bytes: ArrayLike<number>): ArrayBuffer;
  array(items: unknown[]): unknown[];
  object(members: object): Record<string, unknown>;
  /** A binary string, one character a byte. */
  string(bytes: Uint8Array): string;
  /** Buffers of that world's memory that are alive, where they can be enumerated. */
  buffers(): ArrayBuffer[];
  /** How often `needle` stands in that world's memory. */
  search(needle: Uint8Array): number;
  /** Whether key memory holds something, where only the interpreter itself can tell. */
  readonly keyValid?: boolean;
  /** Ends the world at once, as a power cut does. */
  end?(): void;
}
