/** Espruino's inner product (src/jswrap_espruino.c, jswrap_espruino_convolve), with a loop for each kind of array: loops that meet both run at half the speed. */

type Numbers = Float64Array | Int32Array;

function sumOfIntegers(a: Int32Array, b: Int32Array, from: number, to: number, at: number, before: number): number {
  let sum = before;
  for (let i = from; i < to; i++) sum += a[i] * b[at++];
  return sum;
}

function sumOfNumbers(a: Numbers, b: Numbers, from: number, to: number, at: number, before: number): number {
  let sum = before;
  for (let i = from; i < to; i++) sum += a[i] * b[at++];
  return sum;
}

/** Sum over i of a[i] * b[(shift + i) modulo b.length], added up in the order of i in doubles. */
export function convolve(a: Numbers, b: Numbers, shift: number): number {
  const { length } = b;
  const add = (a instanceof Int32Array && b instanceof Int32Array ? sumOfIntegers : sumOfNumbers) as typeof sumOfNumbers;
  let at = ((shift % length) + length) % length;
  let sum = 0;
  for (let i = 0; i < a.length; at = 0) {
    const to = Math.min(a.length, i + length - at);
    sum = add(a, b, i, to, at, sum);
    i = to;
  }
  return sum;
}
