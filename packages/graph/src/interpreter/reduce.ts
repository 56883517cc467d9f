import { stridesOf } from '../strides.js';
import { type Array64, array, walk } from './array.js';
import { around } from './layout.js';

/** Folds `f` over the axes that `shape` keeps as 1. */
export const fold =
  (f: (total: number, x: number) => number, start: number) =>
  ({ x }: { x: Array64 }, shape: readonly number[]): Array64 => {
    const y = array(shape);
    y.data.fill(start);
    const own = stridesOf(shape);
    walk(x.shape, [{ strides: own.map((s, i) => (shape[i] === 1 ? 0 : s)) }], (i, to) => {
      y.data[to] = f(y.data[to], x.data[i]);
    });
    return y;
  };

export function argmax({ x }: { x: Array64 }, shape: readonly number[], axis: number): Array64 {
  const y = array(shape);
  const [outer, n, inner] = around(x.shape, axis);
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) {
      let best = 0;
      for (let j = 1; j < n; j++) {
        if (x.data[(o * n + j) * inner + i] > x.data[(o * n + best) * inner + i]) best = j;
      }
      y.data[o * inner + i] = best;
    }
  return y;
}
