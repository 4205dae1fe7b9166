/** XSalsa20 and Poly1305 as NaCl's secretbox uses them, over 32-bit words; every engine we run on keeps words little-endian. */

/**
 * Salsa20's core (Bernstein 2005), 20 rounds, or HSalsa20's when `hashed`: words 0, 5, 10, 15, 6, 7, 8, 9 without the final addition.
 *
 * @param out - 16 words; 8 are written when `hashed`
 * @param key - 8 words
 */
export function salsa20(out: Int32Array, key: Int32Array, n0: number, n1: number, n2: number, n3: number, hashed: boolean): void {
  let a = 1634760805;
  let b = key[0];
  let c = key[1];
  let d = key[2];
  let e = key[3];
  let f = 857760878;
  let g = n0;
  let h = n1;
  let i = n2;
  let j = n3;
  let k = 2036477234;
  let l = key[4];
  let m = key[5];
  let n = key[6];
  let o = key[7];
  let p = 1797285236;
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
    // Rows next: they are columns once the matrix is transposed.
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
  if (hashed) {
    out[0] = a;
    out[1] = f;
    out[2] = k;
    out[3] = p;
    out[4] = g;
    out[5] = h;
    out[6] = i;
    out[7] = j;
    return;
  }
  out[0] = a + 1634760805;
  out[1] = b + key[0];
  out[2] = c + key[1];
  out[3] = d + key[2];
  out[4] = e + key[3];
  out[5] = f + 857760878;
  out[6] = g + n0;
  out[7] = h + n1;
  out[8] = i + n2;
  out[9] = j + n3;
  out[10] = k + 2036477234;
  out[11] = l + key[4];
  out[12] = m + key[5];
  out[13] = n + key[6];
  out[14] = o + key[7];
  out[15] = p + 1797285236;
}
