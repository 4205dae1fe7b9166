/** Salsa20 (Bernstein 2005) over 32-bit words, as NaCl's secretbox uses it; every engine we run on keeps words little-endian. */

/** What a block is made of: constants, key, nonce, and the block's number in words 8 and 9. */
const input = new Int32Array(16);

export const keystream = new Int32Array(16);

/** @param key - 8 words; the other arguments are words 6 to 9 */
export function salsaStart(key: Int32Array, n0: number, n1: number, n2: number, n3: number): void {
  let i = 0;
  for (i = 0; i < 4; i++) {
    input[i + 1] = key[i];
    input[i + 11] = key[i + 4];
  }
  input[0] = 1634760805;
  input[5] = 857760878;
  input[10] = 2036477234;
  input[15] = 1797285236;
  input[6] = n0;
  input[7] = n1;
  input[8] = n2;
  input[9] = n3;
}

/**
 * Writes the next block to `keystream`, or, when `hashed`, the state after 20 rounds without the final addition. Rounds are written out for
 * columns: every other one is of rows, which are columns while the matrix is transposed.
 */
export function salsaBlock(hashed: boolean): void {
  const x = keystream;
  let a = input[0];
  let b = input[1];
  let c = input[2];
  let d = input[3];
  let e = input[4];
  let f = input[5];
  let g = input[6];
  let h = input[7];
  let i = input[8];
  let j = input[9];
  let k = input[10];
  let l = input[11];
  let m = input[12];
  let n = input[13];
  let o = input[14];
  let p = input[15];
  let u = 0;
  let round = 20;
  while (round--) {
    u = a + m;
    e ^= (u << 7) | (u >>> 25);
    u = e + a;
    i ^= (u << 9) | (u >>> 23);
    u = i + e;
    m ^= (u << 13) | (u >>> 19);
    u = m + i;
    a ^= (u << 18) | (u >>> 14);
    u = f + b;
    j ^= (u << 7) | (u >>> 25);
    u = j + f;
    n ^= (u << 9) | (u >>> 23);
    u = n + j;
    b ^= (u << 13) | (u >>> 19);
    u = b + n;
    f ^= (u << 18) | (u >>> 14);
    u = k + g;
    o ^= (u << 7) | (u >>> 25);
    u = o + k;
    c ^= (u << 9) | (u >>> 23);
    u = c + o;
    g ^= (u << 13) | (u >>> 19);
    u = g + c;
    k ^= (u << 18) | (u >>> 14);
    u = p + l;
    d ^= (u << 7) | (u >>> 25);
    u = d + p;
    h ^= (u << 9) | (u >>> 23);
    u = h + d;
    l ^= (u << 13) | (u >>> 19);
    u = l + h;
    p ^= (u << 18) | (u >>> 14);
    u = b;
    b = e;
    e = u;
    u = c;
    c = i;
    i = u;
    u = d;
    d = m;
    m = u;
    u = g;
    g = j;
    j = u;
    u = h;
    h = n;
    n = u;
    u = l;
    l = o;
    o = u;
  }
  x[0] = a;
  x[1] = b;
  x[2] = c;
  x[3] = d;
  x[4] = e;
  x[5] = f;
  x[6] = g;
  x[7] = h;
  x[8] = i;
  x[9] = j;
  x[10] = k;
  x[11] = l;
  x[12] = m;
  x[13] = n;
  x[14] = o;
  x[15] = p;
  if (!hashed) for (u = 0; u < 16; u++) x[u] += input[u];
  input[8]++;
}

export function salsaWipe(): void {
  input.fill(0);
  keystream.fill(0);
}
