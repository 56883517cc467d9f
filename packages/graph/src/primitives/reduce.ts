import { defineOp } from '../op.js';
import { axisOf } from '../shape.js';
import type { Value } from '../value.js';
import { cast, div, equal, mul } from './elementwise.js';
import { broadcast, reshape } from './layout.js';

/** Reductions keep their axes as 1 inside the op; the functions below drop them unless asked to keep them. */
const reduced = (x: Value, axes: readonly number[]) => x.shape.map((d, i) => (axes.includes(i) ? 1 : d));

export const sumOp = defineOp({
  name: 'prim.sum',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, { axes }: { axes: readonly number[] }) => ({
    y: { shape: reduced(x, axes), dtype: x.dtype },
  }),
  vjp: ({ inputs: { x }, cotangents: { y: dy } }) => (dy ? { x: broadcast(dy, x.shape) } : {}),
});

/** Where several elements share the maximum, they share its gradient. */
export const maxReduceOp = defineOp({
  name: 'prim.max_reduce',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, { axes }: { axes: readonly number[] }) => ({
    y: { shape: reduced(x, axes), dtype: x.dtype },
  }),
  vjp: ({ inputs: { x }, outputs: { y }, cotangents: { y: dy }, attrs: { axes } }) => {
    if (!dy) return {};
    const hit = cast(equal(x, y), x.dtype);
    return { x: mul(hit, div(dy, sumOp({ x: hit }, { axes }).y)) };
  },
});

/** The index of the largest element along `axis` (the first of equals), i32. */
export const argmaxOp = defineOp({
  name: 'prim.argmax',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, { axis }: { axis: number }) => ({ y: { shape: reduced(x, [axis]), dtype: 'i32' as const } }),
  vjp: 'none',
});

type Axes = number | readonly number[];

const axesOf = (op: string, x: Value, axes: Axes | undefined): number[] =>
  axes === undefined
    ? x.shape.map((_, i) => i)
    : [axes]
        .flat()
        .map((axis) => axisOf(op, x, axis as number))
        .sort((a, b) => a - b);

function reduce(op: typeof sumOp, x: Value, axes: Axes | undefined, keep: boolean): Value {
  const list = axesOf(op.name, x, axes);
  const { y } = op({ x }, { axes: list });
  return keep
    ? y
    : reshape(
        y,
        x.shape.filter((_, i) => !list.includes(i)),
      );
}

/** @param axes default all. @param keep keeps reduced axes as 1. */
export const sum = (x: Value, axes?: Axes, keep = false): Value => reduce(sumOp, x, axes, keep);
export const maxReduce = (x: Value, axes?: Axes, keep = false): Value => reduce(maxReduceOp, x, axes, keep);
export const mean = (x: Value, axes?: Axes, keep = false): Value => {
  const count = axesOf('mean', x, axes).reduce((n, axis) => n * x.shape[axis], 1);
  return mul(sum(x, axes, keep), 1 / count);
};
export const argmax = (x: Value, axis: number, keep = false): Value => {
  const along = axisOf('prim.argmax', x, axis);
  const { y } = argmaxOp({ x }, { axis: along });
  return keep
    ? y
    : reshape(
        y,
        x.shape.filter((_, i) => i !== along),
      );
};
