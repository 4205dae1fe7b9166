/** Arithmetic modulo the order of the base point, 2^252 + 27742317777372353535851937790883648493 (RFC 8032, 5.1). */

/** The order, little-endian bytes. */
export const order = new Uint8Array(32);
order.set([237, 211, 245, 92, 26, 99, 18, 88, 214, 156, 247, 162, 222, 249, 222, 20]);
order[31] = 16;

/**
 * Writes `value`, 64 digits of base 256 of up to 2^32 each, modulo the order; `value` is used up. Each digit from the top is replaced by
 * its multiple of 16 times the order's lower half, two's complement of what 2^256 leaves.
 */
export function reduceScalar(out: Uint8Array, value: Float64Array): void {
  let high = 0;
  let i = 0;
  let j = 0;
  for (i = 63; i >= 32; i--) {
    high = 0;
    for (j = i - 32; j < i - 12; j++) {
      value[j] += high - 16 * value[i] * order[j - (i - 32)];
      high = Math.floor((value[j] + 128) / 256);
      value[j] -= high * 256;
    }
    value[j] += high;
    value[i] = 0;
  }
  high = 0;
  for (j = 0; j < 32; j++) {
    value[j] += high - Math.floor(value[31] / 16) * order[j];
    high = Math.floor(value[j] / 256);
    value[j] -= high * 256;
  }
  for (j = 0; j < 32; j++) {
    value[j] -= high * order[j];
    value[j + 1] += Math.floor(value[j] / 256);
    out[j] = value[j];
  }
  value.fill(0);
}

/** True when the little-endian number is below the order: an S that is not malleable. */
export function isReduced(bytes: Uint8Array): boolean {
  let i = 0;
  let below = 0;
  let borrow = 0;
  for (i = 0; i < 32; i++) {
    below = bytes[i] - order[i] - borrow;
    borrow = below < 0 ? 1 : 0;
  }
  return borrow === 1;
}
