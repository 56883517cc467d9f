import type { DType } from '@emu-ts/base';
import { broadcastStrides } from '../strides.js';
import { type Array64, array, walk } from './array.js';

export const unary =
  (f: (x: number) => number) =>
  ({ x }: { x: Array64 }): Array64 =>
    array(x.shape, x.data.map(f));

export const binary =
  (f: (a: number, b: number) => number) =>
  ({ a, b }: { a: Array64; b: Array64 }, shape: readonly number[]): Array64 => {
    const y = array(shape);
    const operands = [
      { strides: broadcastStrides(a.shape, shape) },
      { strides: broadcastStrides(b.shape, shape) },
    ];
    walk(shape, operands, (i, ia, ib) => {
      y.data[i] = f(a.data[ia], b.data[ib]);
    });
    return y;
  };

export function where(
  { condition, a, b }: { condition: Array64; a: Array64; b: Array64 },
  shape: readonly number[],
): Array64 {
  const y = array(shape);
  const operands = [condition, a, b].map((x) => ({ strides: broadcastStrides(x.shape, shape) }));
  walk(shape, operands, (i, ic, ia, ib) => {
    y.data[i] = condition.data[ic] ? a.data[ia] : b.data[ib];
  });
  return y;
}

/** Integers truncate towards zero; `bool` is 0 or 1; floats stay f64. */
export function cast({ x }: { x: Array64 }, dtype: DType): Array64 {
  if (dtype === 'bool')
    return array(
      x.shape,
      x.data.map((v) => (v ? 1 : 0)),
    );
  return /^[iu]/.test(dtype) ? array(x.shape, x.data.map(Math.trunc)) : x;
}

/** erf to full f64 precision: its Maclaurin series near zero, a continued fraction of erfc beyond. */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  if (z < 2.5) {
    let term = x;
    let total = x;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
      term *= (-x * x) / n;
      total += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * total;
  }
  // erfc(z) = exp(−z²)/√π · 1/(z + (1/2)/(z + 1/(z + (3/2)/(z + …)))), Abramowitz & Stegun 7.1.14
  let fraction = z;
  for (let n = 60; n >= 1; n--) fraction = z + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction));
}
