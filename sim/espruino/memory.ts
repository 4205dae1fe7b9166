/**
 * Addresses of a bundle's arrays, and its key memory: the first array whose flatness the bundle asks for (`E.getAddressOf(array, true)`)
 * is the one that has to be found empty after an erase.
 */

/** Arrays up to this length are kept in the engine's variables, in pieces (JSV_FLAT_STRING_BREAK_EVEN in src/jsutils.h). */
const LARGEST_IN_PIECES = 16;
const RAM_START = 0x20002000;

export class Arenas {
  readonly #fragmented: boolean;
  /** Whole buffers of the arrays asked for, in the order of asking. */
  readonly #arenas: Uint8Array[] = [];
  readonly #addresses = new Map<object, number>();
  #next = RAM_START;

  constructor(fragmented: boolean) {
    this.#fragmented = fragmented;
  }

  get keyMemory(): Uint8Array | undefined {
    return this.#arenas[0];
  }

  /** The key memory holds something other than zeroes. */
  get keyValid(): boolean {
    const memory = this.#arenas[0];
    if (!memory) return false;
    // Asked after every turn of the program.
    for (let i = 0; i < memory.length; i++) if (memory[i] !== 0) return true;
    return false;
  }

  /** Address of the array's bytes, or 0 when it is not flat. */
  addressOf(value: unknown): number {
    if (!ArrayBuffer.isView(value) || this.#fragmented || value.buffer.byteLength <= LARGEST_IN_PIECES) return 0;
    let address = this.#addresses.get(value.buffer);
    if (!address) {
      this.#addresses.set(value.buffer, (address = this.#next));
      this.#next += (value.buffer.byteLength + 31) & -16;
      this.#arenas.push(new Uint8Array(value.buffer));
    }
    return address + value.byteOffset;
  }
}
