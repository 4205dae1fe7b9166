/** SHA-256 and SHA-512 as FIPS 180-4 writes them, over BigInt; slow. */

function primes(count: number): bigint[] {
  const found: bigint[] = [];
  for (let n = 2n; found.length < count; n++) if (found.every((p) => n % p !== 0n)) found.push(n);
  return found;
}

/** The first `bits` bits of the fraction of the `degree`-th root of `n`. */
function rootFraction(n: bigint, degree: bigint, bits: bigint): bigint {
  const target = n << (bits * degree);
  let low = 0n;
  let high = n << bits;
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if (middle ** degree <= target) low = middle;
    else high = middle - 1n;
  }
  return low & ((1n << bits) - 1n);
}

interface Parameters {
  bits: bigint;
  rounds: number;
  big0: bigint[];
  big1: bigint[];
  small0: bigint[];
  small1: bigint[];
}

function sha2(message: Uint8Array, p: Parameters): Uint8Array {
  const mask = (1n << p.bits) - 1n;
  const word = Number(p.bits) / 8;
  const block = 16 * word;
  const rotate = (x: bigint, n: bigint) => ((x >> n) | (x << (p.bits - n))) & mask;
  const big = (x: bigint, [a, b, c]: bigint[]) => rotate(x, a) ^ rotate(x, b) ^ rotate(x, c);
  const small = (x: bigint, [a, b, c]: bigint[]) => rotate(x, a) ^ rotate(x, b) ^ (x >> c);
  const k = primes(p.rounds).map((n) => rootFraction(n, 3n, p.bits));
  const h = primes(8).map((n) => rootFraction(n, 2n, p.bits));
  const padded = [...message, 0x80];
  while (padded.length % block !== block - 2 * word) padded.push(0);
  const length = BigInt(message.length) * 8n;
  for (let i = 2 * word - 1; i >= 0; i--) padded.push(Number((length >> BigInt(8 * i)) & 255n));
  for (let at = 0; at < padded.length; at += block) {
    const w: bigint[] = [];
    for (let t = 0; t < p.rounds; t++) {
      if (t < 16) w.push(padded.slice(at + t * word, at + (t + 1) * word).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n));
      else w.push((small(w[t - 2], p.small1) + w[t - 7] + small(w[t - 15], p.small0) + w[t - 16]) & mask);
    }
    let [a, b, c, d, e, f, g, hh] = h;
    for (let t = 0; t < p.rounds; t++) {
      const t1 = hh + big(e, p.big1) + ((e & f) ^ (~e & mask & g)) + k[t] + w[t];
      const t2 = big(a, p.big0) + ((a & b) ^ (a & c) ^ (b & c));
      [a, b, c, d, e, f, g, hh] = [(t1 + t2) & mask, a, b, c, (d + t1) & mask, e, f, g];
    }
    [a, b, c, d, e, f, g, hh].forEach((value, i) => (h[i] = (h[i] + value) & mask));
  }
  return Uint8Array.from(
    h.flatMap((value) => Array.from({ length: word }, (_, i) => Number((value >> (p.bits - 8n * BigInt(i + 1))) & 255n))),
  );
}

export const sha256 = (message: Uint8Array) =>
  sha2(message, { bits: 32n, rounds: 64, big0: [2n, 13n, 22n], big1: [6n, 11n, 25n], small0: [7n, 18n, 3n], small1: [17n, 19n, 10n] });

export const sha512 = (message: Uint8Array) =>
  sha2(message, { bits: 64n, rounds: 80, big0: [28n, 34n, 39n], big1: [14n, 18n, 41n], small0: [1n, 8n, 7n], small1: [19n, 61n, 6n] });

/** HMAC-SHA-256 (RFC 2104). */
export function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? sha256(key) : key);
  const inner = sha256(Uint8Array.from([...block.map((b) => b ^ 0x36), ...message]));
  return sha256(Uint8Array.from([...block.map((b) => b ^ 0x5c), ...inner]));
}

/** HKDF-SHA-256 (RFC 5869). */
export function hkdf(salt: Uint8Array, ikm: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  const key = hmac(salt.length ? salt : new Uint8Array(32), ikm);
  let out: number[] = [];
  let previous: number[] = [];
  for (let i = 1; out.length < length; i++) {
    previous = [...hmac(key, Uint8Array.from([...previous, ...info, i]))];
    out = out.concat(previous);
  }
  return Uint8Array.from(out.slice(0, length));
}
