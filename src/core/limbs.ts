import type { Limbs } from "./natives.js";

/**
 * Integers modulo 2^bits - excess in doubles, after Bernstein's floating-point representation (Curve25519, 2006, section 4): of `count` limbs,
 * limb i is a multiple of 2^ceil(i bits / count), kept within about half of the next limb's unit by rounding carries, so that sums of
 * products stay exact below 2^53. It is held divided by 2^(21 i), which leaves small integers that fit 32 bits too. No branch and no index
 * depends on a value.
 */
export interface Ring {
  readonly count: number;
  readonly excess: number;
  /** Unit of each limb as it is held, and of one more. */
  readonly units: Float64Array;
  /** Adding and subtracting 3 * 2^51 units rounds a limb to a multiple of the next limb's unit. */
  readonly rounders: Float64Array;
  /** excess / 2^bits as it is held: what wraps round at the top. */
  wrap: number;
}

/** What a limb is held divided by once more than the one before. */
export const STEP = 2097152;

const digits = new Float64Array(12);

/** At most 12 limbs. */
export function newRing(count: number, bits: number, excess: number): Ring {
  const units = new Float64Array(count + 1);
  const rounders = new Float64Array(count);
  let i = 0;
  let power = 0;
  let unit = 1;
  let wrap = excess;
  for (i = 0; i < count; i++) {
    units[i] = unit;
    for (; power * count < (i + 1) * bits; power++) {
      unit *= 2;
      wrap /= 2;
    }
    rounders[i] = unit * 6755399441055744;
    unit /= STEP;
    wrap *= STEP;
  }
  units[count] = unit;
  return { count: count, excess: excess, units: units, rounders: rounders, wrap: wrap };
}

/** Rounds all limbs and then the first again; `a` may hold sums of products below 2^53 units. */
export function carry(ring: Ring, out: Limbs, a: Limbs): void {
  const r = ring.rounders;
  const last = r.length;
  let i = 0;
  let high = 0;
  let value = 0;
  for (i = 0; i < last; i++) {
    value = a[i] + high;
    high = value + r[i] - r[i];
    out[i] = value - high;
    high /= STEP;
  }
  value = out[0] + high * ring.wrap;
  high = value + r[0] - r[0];
  out[0] = value - high;
  out[1] += high / STEP;
}

/** Carries integer digits upward, each left in [0, size); answers what leaves the top. */
function carryDigits(ring: Ring, first: number): number {
  let i = 0;
  let high = first;
  let size = 0;
  for (i = 0; i < ring.count; i++) {
    size = (ring.units[i + 1] * STEP) / ring.units[i];
    digits[i] += high;
    high = Math.floor(digits[i] / size);
    digits[i] -= high * size;
  }
  return high;
}

/** Writes the one little-endian encoding below the modulus, in as many bytes as it needs. */
export function pack(ring: Ring, out: Uint8Array, a: Limbs): void {
  let i = 0;
  let position = 0;
  let unit = 1;
  let held = 0;
  let high = 0;
  carry(ring, digits, a);
  for (i = 0; i < ring.count; i++) digits[i] /= ring.units[i];
  for (i = 0; i < 3; i++) high = carryDigits(ring, ring.excess * high);
  // Now 0 <= value < 2^bits. With the excess it reaches 2^bits exactly when it is not below the modulus.
  high = carryDigits(ring, ring.excess);
  carryDigits(ring, ring.excess * (high - 1));
  for (i = 0; i < ring.count; i++) {
    held += digits[i] * unit;
    for (unit *= (ring.units[i + 1] * STEP) / ring.units[i]; unit > 255; unit /= 256) {
      out[position++] = held & 255;
      held = Math.floor(held / 256);
    }
  }
  out[position] = held;
  digits.fill(0);
}
