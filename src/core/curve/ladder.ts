import type { Field, Products } from "./field.js";
import { convolveProducts, extend, rounders } from "./field.js";

/**
 * One step of the ladder.
 *
 * @param now - this bit of the scalar, from 254 down
 * @param next - the bit below; -1 for the last step, whose bit must be 0: it writes the result and wipes the rest
 * @param x - of the result
 * @param z - of the result
 */
export type Convolve = (a: Float64Array, b: Float64Array, shift: number) => number;

export type Ladder = (now: number, next: number, x: Field, z: Field) => void;

/**
 * The Montgomery ladder for engines with an inner product. x : z is the point to be doubled, X : Z the other one, x1 their difference.
 * These formulas are sums of products only, which the inner product takes as they are:
 *
 *   added:   (x X - z Z)^2 : x1 (x Z - z X)^2
 *   doubled: (x^2 - z^2)^2 : 4 x z (x^2 + 486662 x z + z^2)
 *
 * Both results are made times `keep` and times `change`, 1 and 0 in either order, and their sums are the next points, without a branch.
 * The working memory is 5 KB and goes with the ladder. An interpreter finds names in a small scope faster: that is why it is a closure.
 */
export function newLadder(x1: Field, convolve: Convolve): Ladder {
  const product = convolveProducts as Products;
  const c = convolve;
  const r = rounders;
  const left = new Float64Array(336);
  const right = new Float64Array(216);
  const leftSlots = function (first: number, count?: number): Field {
    return left.subarray(24 * first, 24 * (first + (count || 1)) - 12);
  };
  const rightSlots = function (first: number, count?: number): Field {
    return right.subarray(24 * first, 24 * (first + (count || 1)));
  };
  // Slots of the left: x, -z, x, z, 486662; 4 N kept, V^2 changed, 4 N changed, V^2 kept; S kept, U changed, S changed, U kept; V.
  const firstX = leftSlots(0);
  const xz = leftSlots(0, 2);
  const zx = leftSlots(1, 2);
  const minusZ = leftSlots(1);
  const x = leftSlots(2);
  const z = leftSlots(3);
  const xzA = left.subarray(48, 97);
  const keptN = leftSlots(5);
  const changedV = leftSlots(6);
  const changedN = leftSlots(7);
  const keptV = leftSlots(8);
  const keptS = leftSlots(9);
  const changedU = leftSlots(10);
  const changedS = leftSlots(11);
  const keptU = leftSlots(12);
  const v = leftSlots(13);
  const nextX = leftSlots(9, 2);
  const otherX = leftSlots(11, 2);
  const nextZ = leftSlots(5, 2);
  const otherZ = leftSlots(7, 2);
  // Slots of the right: x, z, M = x z, x1, X, Z, S = x^2 - z^2, U = x X - z Z, V = x Z - z X.
  const rightXZ = rightSlots(0, 2);
  const rightXZM = rightSlots(0, 3);
  const rightZ = rightSlots(1);
  const rightM = rightSlots(2);
  const rightMX = rightSlots(2, 2);
  const rightOther = rightSlots(4, 2);
  const rightOtherX = rightSlots(4);
  const rightOtherZ = rightSlots(5);
  const rightSU = rightSlots(6, 2);
  const rightS = rightSlots(6);
  const rightU = rightSlots(7);
  const rightV = rightSlots(8);
  // The first to be doubled is x1 : 1, the other one 1 : 0.
  left.set(x1);
  left.set(x1, 48);
  left[24] = -1;
  left[72] = 1;
  left[96] = 486662;
  extend(right, x1);
  extend(rightSlots(3), x1);
  right[35] = right[107] = 1;
  return function (now, next, outX, outZ) {
    const change = next < 0 ? 0 : now ^ next;
    const keep = 1 - change;
    product(xz, rightOther, c, 0, 0, 0, r, rightU, changedU, change, keptU, keep);
    product(zx, rightOther, c, 0, 0, 0, r, rightV, v, 1);
    product(v, rightV, c, 0, 0, 0, r, null, changedV, change, keptV, keep);
    product(xz, rightXZ, c, 0, 0, 0, r, rightS, keptS, keep, changedS, change);
    product(x, rightZ, c, 0, 0, 0, r, rightM);
    product(xzA, rightXZM, c, 0, 0, 0, r, null, keptN, 4 * keep, changedN, 4 * change);
    product(nextX, rightSU, c, 0, 0, 0, r, right, left, 1);
    product(otherX, rightSU, c, 0, 0, 0, r, rightOtherX);
    product(nextZ, rightMX, c, 0, 0, 0, r, rightZ, z, 1, minusZ, -1);
    product(otherZ, rightMX, c, 0, 0, 0, r, rightOtherZ);
    x.set(firstX);
    if (next < 0) {
      outX.set(x);
      outZ.set(z);
      left.fill(0);
      right.fill(0);
    }
  };
}
