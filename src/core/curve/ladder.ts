import type { Limbs } from "../natives.js";
import type { Field, Products } from "./field.js";
import { convolveProducts, extend, lowered, newField, rounder } from "./field.js";

export type Convolve = (a: Limbs, b: Limbs, shift: number) => number;

/**
 * One step of the ladder.
 *
 * @param now - this bit of the scalar, from 254 down
 * @param next - the bit below; -1 for the last step, whose bit must be 0: it writes the result and wipes the rest
 * @param x - of the result
 * @param z - of the result
 */
export type Ladder = (now: number, next: number, x: Field, z: Field) => void;

/**
 * The Montgomery ladder for engines with an inner product. x : z is the point to be doubled, X : Z the other one, x1 their difference.
 * These formulas are sums of products only, which the inner product takes as they are:
 *
 *   added:   (x X - z Z)^2 : x1 (x Z - z X)^2
 *   doubled: (x^2 - z^2)^2 : 4 x z (x^2 + 486662 x z + z^2)
 *
 * Both results are made times `keep` and times `change`, 1 and 0 in either order, and their sums are the next points, without a branch.
 * Limbs are 32-bit integers, those on the right times 4 so that what wraps round is one as well; results are times 4, too. The working memory
 * is 2 KB and goes with the ladder. An interpreter finds names in a small scope faster: that is why it is a closure.
 */
export function newLadder(x1: Field, convolve: Convolve): Ladder {
  const product = convolveProducts as Products;
  const c = convolve;
  const r = 4 * rounder;
  const k = lowered;
  const left = new Int32Array(322);
  const right = new Int32Array(207);
  const fourfold = newField();
  let i = 0;
  const leftSlots = function (first: number, count?: number): Int32Array {
    return left.subarray(23 * first, 23 * (first + (count || 1)) - 11);
  };
  const rightSlots = function (first: number, count?: number): Int32Array {
    return right.subarray(23 * first, 23 * (first + (count || 1)));
  };
  // Slots of the left: x, -z, x, z, 486662; 4 N kept, V^2 changed, 4 N changed, V^2 kept; S kept, U changed, S changed, U kept; V.
  const firstX = leftSlots(0);
  const xz = leftSlots(0, 2);
  const zx = leftSlots(1, 2);
  const minusZ = leftSlots(1);
  const x = leftSlots(2);
  const z = leftSlots(3);
  const xzA = left.subarray(46, 93);
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
  left.set(x1, 46);
  left[23] = -1;
  left[69] = 1;
  left[92] = 486662;
  for (i = 0; i < 12; i++) fourfold[i] = 4 * x1[i];
  extend(right, fourfold);
  extend(rightSlots(3), fourfold);
  right[34] = right[103] = 4;
  return function (now, next, outX, outZ) {
    const change = next < 0 ? 0 : (now ^ next) / 4;
    const keep = 0.25 - change;
    product(0, 0, r, k, c, xz, rightOther, rightU, changedU, change, keptU, keep);
    product(0, 0, r, k, c, zx, rightOther, rightV, v, 0.25);
    product(0, 0, r, k, c, v, rightV, null, changedV, change, keptV, keep);
    product(0, 0, r, k, c, xz, rightXZ, rightS, keptS, keep, changedS, change);
    product(0, 0, r, k, c, x, rightZ, rightM);
    product(0, 0, r, k, c, xzA, rightXZM, null, keptN, 4 * keep, changedN, 4 * change);
    product(0, 0, r, k, c, nextX, rightSU, right, left, 0.25);
    product(0, 0, r, k, c, otherX, rightSU, rightOtherX);
    product(0, 0, r, k, c, nextZ, rightMX, rightZ, z, 0.25, minusZ, -0.25);
    product(0, 0, r, k, c, otherZ, rightMX, rightOtherZ);
    x.set(firstX);
    if (next < 0) {
      outX.set(x);
      outZ.set(z);
      left.fill(0);
      right.fill(0);
    }
  };
}
