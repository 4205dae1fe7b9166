/** XSalsa20-Poly1305 as NaCl's secretbox, from Bernstein's papers; slow. */

const rotate = (x: number, n: number) => ((x << n) | (x >>> (32 - n))) >>> 0;
const word = (bytes: Uint8Array, at: number) => (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
const little = (words: number[]) => Uint8Array.from(words.flatMap((w) => [w & 255, (w >>> 8) & 255, (w >>> 16) & 255, w >>> 24]));
const CONSTANT = new TextEncoder().encode("expand 32-byte k");

function layout(key: Uint8Array, input: Uint8Array): number[] {
  const k = (i: number) => word(key, 4 * i);
  const n = (i: number) => word(input, 4 * i);
  const c = (i: number) => word(CONSTANT, 4 * i);
  return [c(0), k(0), k(1), k(2), k(3), c(1), n(0), n(1), n(2), n(3), c(2), k(4), k(5), k(6), k(7), c(3)];
}

function rounds(x: number[]): void {
  const quarter = (a: number, b: number, c: number, d: number) => {
    x[b] ^= rotate((x[a] + x[d]) >>> 0, 7);
    x[c] ^= rotate((x[b] + x[a]) >>> 0, 9);
    x[d] ^= rotate((x[c] + x[b]) >>> 0, 13);
    x[a] ^= rotate((x[d] + x[c]) >>> 0, 18);
    for (const i of [a, b, c, d]) x[i] >>>= 0;
  };
  for (let i = 0; i < 10; i++) {
    for (const j of [0, 1, 2, 3]) quarter(5 * j, (5 * j + 4) % 16, (5 * j + 8) % 16, (5 * j + 12) % 16);
    for (const j of [0, 1, 2, 3]) quarter(5 * j, 4 * j + ((j + 1) % 4), 4 * j + ((j + 2) % 4), 4 * j + ((j + 3) % 4));
  }
}

function salsa20(key: Uint8Array, input: Uint8Array): Uint8Array {
  const start = layout(key, input);
  const x = [...start];
  rounds(x);
  return little(x.map((value, i) => (value + start[i]) >>> 0));
}

function hsalsa20(key: Uint8Array, input: Uint8Array): Uint8Array {
  const x = layout(key, input);
  rounds(x);
  return little([0, 5, 10, 15, 6, 7, 8, 9].map((i) => x[i]));
}

const number = (bytes: Uint8Array) => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

export function poly1305(key: Uint8Array, message: Uint8Array): Uint8Array {
  const r = number(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let h = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16);
    h = ((h + number(block) + (1n << BigInt(8 * block.length))) * r) % (2n ** 130n - 5n);
  }
  const tag = (h + number(key.subarray(16, 32))) & (2n ** 128n - 1n);
  return Uint8Array.from({ length: 16 }, (_, i) => Number((tag >> BigInt(8 * i)) & 255n));
}

/** Tag, then ciphertext. */
export function secretbox(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Uint8Array {
  const inner = hsalsa20(key, nonce.subarray(0, 16));
  const stream: number[] = [];
  for (let block = 0; stream.length < 32 + plain.length; block++)
    stream.push(...salsa20(inner, Uint8Array.from([...nonce.subarray(16, 24), ...little([block, 0])])));
  const sealed = plain.map((byte, i) => byte ^ stream[32 + i]);
  return Uint8Array.from([...poly1305(Uint8Array.from(stream.slice(0, 32)), sealed), ...sealed]);
}
