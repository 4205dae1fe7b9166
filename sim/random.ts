/**
 * Seeded randomness: the generator sfc32 (Chris Doty-Humphrey, PractRand), one stream for each name. A stream depends on seed and name
 * only, so a new consumer shifts nobody else's numbers.
 */
export class Random {
  readonly #path: string;
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: number | string) {
    this.#path = String(seed);
    const [a, b, c] = [0, 1, 2].map((salt) => hash(this.#path, salt));
    this.#a = a;
    this.#b = b;
    this.#c = c;
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** A stream of its own; the same name gives the same stream whatever was drawn before. */
  stream(name: string): Random {
    return new Random(`${this.#path}/${name}`);
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#count++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** In [0, 1), 53 bits. */
  unit(): number {
    return ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.unit();
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.uint32() >>> 24;
    return bytes;
  }

  /** How many trials go well before one of `probability` happens; Infinity for 0. */
  gap(probability: number): number {
    if (probability <= 0) return Infinity;
    return Math.floor(Math.log(1 - this.unit()) / Math.log(1 - Math.min(probability, 1 - 1e-12)));
  }
}

/** 32 bits of FNV-1a with a finishing mix. */
function hash(text: string, salt: number): number {
  let h = (0x811c9dc5 ^ Math.imul(salt + 1, 0x9e3779b1)) | 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
