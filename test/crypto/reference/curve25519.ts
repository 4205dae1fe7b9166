import { sha512 } from "./sha2.js";

/** X25519 (RFC 7748) and Ed25519 (RFC 8032) as their texts write them, over BigInt; slow, and nothing about it is constant-time. */

export const P = 2n ** 255n - 19n;
export const L = 2n ** 252n + 27742317777372353535851937790883648493n;

const mod = (x: bigint, m = P) => ((x % m) + m) % m;

export function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) result = mod(result * b);
  return result;
}

export const fromBytes = (bytes: Uint8Array) => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
export const toBytes = (value: bigint, length = 32) => Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));

/** RFC 7748, section 5; takes any u, as the RFC does. */
export function x25519(scalar: Uint8Array, point: Uint8Array): Uint8Array {
  const k = (fromBytes(scalar) & ((1n << 254n) - 8n)) | (1n << 254n);
  const x1 = mod(fromBytes(point) & ((1n << 255n) - 1n));
  let [x2, z2, x3, z3] = [1n, 0n, x1, 1n];
  for (let t = 254n; t >= 0n; t--) {
    const bit = (k >> t) & 1n;
    if (bit) [x2, z2, x3, z3] = [x3, z3, x2, z2];
    const [a, b, c, d] = [x2 + z2, x2 - z2, x3 + z3, x3 - z3];
    const [aa, bb, da, cb] = [mod(a * a), mod(b * b), mod(d * a), mod(c * b)];
    const e = mod(aa - bb);
    x3 = mod((da + cb) ** 2n);
    z3 = mod(x1 * (da - cb) ** 2n);
    x2 = mod(aa * bb);
    z2 = mod(e * (aa + 121665n * e));
    if (bit) [x2, z2, x3, z3] = [x3, z3, x2, z2];
  }
  return toBytes(mod(x2 * power(z2, P - 2n)));
}

type Affine = [bigint, bigint];
const D = mod(-121665n * power(121666n, P - 2n));

function addPoints([x1, y1]: Affine, [x2, y2]: Affine): Affine {
  const t = mod(D * x1 * x2 * y1 * y2);
  return [mod((x1 * y2 + x2 * y1) * power(1n + t, P - 2n)), mod((y1 * y2 + x1 * x2) * power(1n - t, P - 2n))];
}

export function multiplyPoint(scalar: bigint, point: Affine): Affine {
  let result: Affine = [0n, 1n];
  for (let q = point, k = scalar; k > 0n; k >>= 1n, q = addPoints(q, q)) if (k & 1n) result = addPoints(result, q);
  return result;
}

export const encodePoint = ([x, y]: Affine) => toBytes(y | ((x & 1n) << 255n));

/** Undefined where RFC 8032, 5.1.3 says that decoding fails. */
export function decodePoint(bytes: Uint8Array): Affine | undefined {
  const value = fromBytes(bytes);
  const y = value & ((1n << 255n) - 1n);
  const sign = value >> 255n;
  if (y >= P) return undefined;
  const x2 = mod((y * y - 1n) * power(D * y * y + 1n, P - 2n));
  let x = power(x2, (P + 3n) / 8n);
  if (mod(x * x) !== x2) x = mod(x * power(2n, (P - 1n) / 4n));
  if (mod(x * x) !== x2 || (x === 0n && sign === 1n)) return undefined;
  return [(x & 1n) === sign ? x : P - x, y];
}

export const BASE = decodePoint(toBytes(mod(4n * power(5n, P - 2n)))) as Affine;

function expand(seed: Uint8Array): [bigint, Uint8Array] {
  const hash = sha512(seed);
  return [(fromBytes(hash.subarray(0, 32)) & ((1n << 254n) - 8n)) | (1n << 254n), hash.subarray(32)];
}

const hashed = (...parts: Uint8Array[]) => mod(fromBytes(sha512(Uint8Array.from(parts.flatMap((part) => [...part])))), L);

export const publicKey = (seed: Uint8Array) => encodePoint(multiplyPoint(expand(seed)[0], BASE));

export function sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  const [s, prefix] = expand(seed);
  const r = hashed(prefix, message);
  const point = encodePoint(multiplyPoint(r, BASE));
  const k = hashed(point, publicKey(seed), message);
  return Uint8Array.from([...point, ...toBytes(mod(r + k * s, L))]);
}

/** The strict policy of the product: RFC 8032 without cofactor, and no points of small order. */
export function verify(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  if (signature.length !== 64 || key.length !== 32) return false;
  const a = decodePoint(key);
  const r = decodePoint(signature.subarray(0, 32));
  const s = fromBytes(signature.subarray(32));
  if (!a || !r || s >= L) return false;
  const small = (point: Affine) => multiplyPoint(8n, point)[0] === 0n;
  if (small(a) || small(r)) return false;
  const k = hashed(signature.subarray(0, 32), key, message);
  const right = addPoints(r, multiplyPoint(k, a));
  const left = multiplyPoint(s, BASE);
  return left[0] === right[0] && left[1] === right[1];
}
