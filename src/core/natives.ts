/** Limbs of long integers in doubles, or in 32-bit integers, which an engine reads in half the time. */
export type Limbs = Float64Array | Int32Array;

/**
 * What an engine computes faster than interpreted code can. Every member is optional; core's own code runs for each one that is missing or
 * that fails its known-answer test. Their shapes are Espruino's, so that a board gives the engine's functions as they
 * are: a function around each would take longer than the work. Results are fresh buffers which the caller copies, wipes and drops.
 */
export interface Natives {
  /** SHA-256 of the concatenation of `parts`, 32 bytes. */
  sha256?(parts: (Uint8Array | ArrayBuffer)[]): ArrayBuffer;
  /** SHA-512 of the concatenation of `parts`, 64 bytes. */
  sha512?(parts: (Uint8Array | ArrayBuffer)[]): ArrayBuffer;
  /** AES-128-CBC without padding; `data` is a multiple of 16 bytes. */
  aesCbcEncrypt?(data: Uint8Array, key: Uint8Array, options: AesOptions): ArrayBuffer;
  aesCbcDecrypt?(data: Uint8Array, key: Uint8Array, options: AesOptions): ArrayBuffer;
  /** Sum over i of a[i] * b[(shift + i) modulo b.length], added up in the order of i in doubles. */
  convolve?(a: Limbs, b: Limbs, shift: number): number;
  /** CRC-32 (IEEE 802.3, reflected) as an unsigned number. */
  crc32?(bytes: Uint8Array): number;
  /**
   * Puts free memory in order. Results of natives need a run of free memory, for which Espruino looks through a list that every chunk leaves
   * in less order: without this, the search soon takes a fifth of a chunk's time.
   */
  collect?(): unknown;
}

export interface AesOptions {
  /** 16 bytes. */
  iv: Uint8Array | ArrayBuffer;
}

export interface NativesInUse extends Natives {
  /** What was offered and answered wrong, as REFUSED_ bits: core's own code runs in its place. */
  refused: number;
  /** True in a bundle that, for want of room, holds no code of core's own for what its engine has natively; the build answers this. */
  readonly only?: boolean;
}

/** The primitives in use. Where none was offered, members are absent and core's own code runs. */
export const natives: NativesInUse = { refused: 0 };
