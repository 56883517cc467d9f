import { broadcastStrides, stridesOf } from '../strides.js';
import { type Array64, array, walk } from './array.js';

export function transpose(
  { x }: { x: Array64 },
  shape: readonly number[],
  permutation: readonly number[],
): Array64 {
  const own = stridesOf(x.shape);
  return read(
    x,
    shape,
    permutation.map((axis) => own[axis]),
  );
}

export const broadcast = ({ x }: { x: Array64 }, shape: readonly number[]): Array64 =>
  read(x, shape, broadcastStrides(x.shape, shape));

export function slice(
  { x }: { x: Array64 },
  shape: readonly number[],
  starts: readonly number[],
  steps: readonly number[],
): Array64 {
  const own = stridesOf(x.shape);
  return read(
    x,
    shape,
    own.map((s, i) => s * steps[i]),
    dot(own, starts),
  );
}

function read(x: Array64, shape: readonly number[], steps: readonly number[], offset = 0): Array64 {
  const y = array(shape);
  walk(shape, [{ strides: steps, offset }], (i, from) => {
    y.data[i] = x.data[from];
  });
  return y;
}

/** Writes `x` into `y` with the given steps: padding, concatenation and slice updates. */
export function write(
  y: Array64,
  x: Array64,
  starts: readonly number[],
  steps: readonly number[] = starts.map(() => 1),
): void {
  const own = stridesOf(y.shape);
  walk(x.shape, [{ strides: own.map((s, i) => s * steps[i]), offset: dot(own, starts) }], (i, to) => {
    y.data[to] = x.data[i];
  });
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((n, s, i) => n + s * b[i], 0);

/** Sizes before, at and after an axis: an array as [outer, n, inner]. */
export function around(shape: readonly number[], axis: number): [number, number, number] {
  const product = (part: readonly number[]) => part.reduce((n, d) => n * d, 1);
  return [product(shape.slice(0, axis)), shape[axis], product(shape.slice(axis + 1))];
}
