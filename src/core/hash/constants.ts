/**
 * Round constants and initial values of SHA-2 are the fractions of roots of the first primes (FIPS 180-4, 4.2.2, 4.2.3, 5.3.3, 5.3.5). They
 * are computed once, when the first interpreted hash runs, since that takes less code than their digits.
 */

/** Cube roots: 80 fractions of 64 bits, high word then low word; SHA-256 uses the high words of the first 64. */
export const roundConstants = new Int32Array(160);
/** Square roots: 8 fractions of 64 bits, high word then low word; SHA-256 uses the high words. */
export const initialValues = new Int32Array(16);

/**
 * Writes 64 bits of the fraction of the square (`cube` 0) or cube (1) root of `prime`. `near` has 22 bits of fraction, so that the
 * remainder is exact in doubles; the rest of the root follows from it to 2^-70.
 */
function putRoot(out: Int32Array, index: number, prime: number, cube: number): void {
  let near = 8;
  let square = 0;
  let high = 0;
  let remainder = 0;
  let rest = 0;
  let i = 0;
  for (i = 0; i < 12; i++) near = cube ? (2 * near + prime / (near * near)) / 3 : (near + prime / near) / 2;
  near = Math.floor(near * 4194304) / 4194304;
  square = near * near;
  high = Math.floor(square * 4194304) / 4194304;
  remainder = cube ? prime - near * high - near * (square - high) : prime - square;
  for (i = 0; i < 4; i++) rest = remainder / (cube ? 3 * square + (3 * near + rest) * rest : 2 * near + rest);
  rest *= 4294967296;
  high = Math.floor(rest);
  out[index] = ((near - Math.floor(near)) * 4294967296 + high) | 0;
  out[index + 1] = ((rest - high) * 4294967296) | 0;
}

/** Fills both tables; costs nothing when they are filled. */
export function fillConstants(): void {
  let prime = 2;
  let divisor = 0;
  let index = 0;
  if (initialValues[0]) return;
  while (index < 160) {
    for (divisor = 2; prime % divisor;) divisor++;
    if (divisor === prime) {
      if (index < 16) putRoot(initialValues, index, prime, 0);
      putRoot(roundConstants, index, prime, 1);
      index += 2;
    }
    prime++;
  }
}
