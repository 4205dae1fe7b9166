/**
 * What an engine computes faster than interpreted code can. Every member is optional; core falls back to its own code for each one
 * that is missing or that fails its known-answer test. Results are fresh buffers which the caller copies, wipes and drops.
 */
export interface Natives {
  /** SHA-256 of the concatenation of `parts`, 32 bytes. */
  sha256?(parts: Uint8Array[]): Uint8Array;
  /** SHA-512 of the concatenation of `parts`, 64 bytes. */
  sha512?(parts: Uint8Array[]): Uint8Array;
  /** AES-128-CBC without padding; `data` is a multiple of 16 bytes. */
  aesCbcEncrypt?(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  aesCbcDecrypt?(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  /** sum over i of a[i] * b[shift - i], indices modulo b.length, exact in doubles (Espruino's E.convolve). */
  convolve?(a: Float64Array, b: Float64Array, shift: number): number;
  /** CRC-32 (IEEE 802.3, reflected) as an unsigned number. */
  crc32?(bytes: Uint8Array): number;
}
