/** 80 fractions of 64 bits, high word then low word, then 8 more. */
let fractions = new Int32Array(0);
/** The next prime, and words that there are. */
let prime = 2;
let index = 0;

/**
 * Round constants and, from word 160 on, initial values of SHA-2: the fractions of the cube roots of the first 80 primes and of the square
 * roots of the first 8 (FIPS 180-4, 4.2.3, 5.3.5); SHA-256 uses high words. They are computed once, when an interpreted hash first needs
 * them, since that takes less code than their digits.
 *
 * @param count - words, 160 at most, that must be there; the initial values are when 16 are
 */
export function sha2Constants(count: number): Int32Array {
  let divisor = 0;

  /**
   * Writes 64 bits of the fraction of the square (`cube` 0) or cube (1) root of `prime`. `near` has 22 bits of fraction, so that the
   * remainder is exact in doubles; the rest of the root follows from it to 2^-70.
   */
  function putRoot(at: number, cube: number): void {
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
    fractions[at] = ((near - Math.floor(near)) * 4294967296 + high) | 0;
    fractions[at + 1] = ((rest - high) * 4294967296) | 0;
  }

  if (!index) fractions = new Int32Array(176);
  while (index < count) {
    for (divisor = 2; prime % divisor && divisor * divisor < prime;) divisor++;
    if (prime % divisor || divisor === prime) {
      if (index < 16) putRoot(index + 160, 0);
      putRoot(index, 1);
      index += 2;
    }
    prime++;
  }
  return fractions;
}

/** Gives their memory back; they are computed anew when they are needed again. */
export function forgetSha2Constants(): void {
  fractions = new Int32Array(0);
  prime = 2;
  index = 0;
}
