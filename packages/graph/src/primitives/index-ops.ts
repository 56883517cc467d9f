import { ShapeError } from '@emu-ts/base';
import { defineOp } from '../op.js';
import { axisOf } from '../shape.js';
import { formatType, type Value } from '../value.js';
import { full, zerosLike } from './source.js';

/** Reading and writing at positions known only when the graph runs. */
const expectIndex = (op: string, x: Value) => {
  if (x.dtype !== 'i32') throw new ShapeError(`${op}: indices must be i32, got ${formatType(x)}.`);
};

/** Replaces `axis` of `x` by the shape of `indices`: rows of an embedding table, beams of a cache. */
export const gatherOp = defineOp({
  name: 'prim.gather',
  inputs: ['x', 'indices'],
  outputs: ['y'],
  infer: ({ x, indices }, { axis }: { axis: number }) => {
    expectIndex('prim.gather', indices);
    axisOf('prim.gather', x, axis);
    return {
      y: { shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], dtype: x.dtype },
    };
  },
  vjp: ({ inputs: { x, indices }, cotangents: { y: dy }, attrs: { axis } }) =>
    dy ? { x: scatterAdd(zerosLike(x), indices, dy, axis) } : {},
});

/** `x` with `updates` added at `indices` along `axis`; equal indices accumulate. */
export const scatterAddOp = defineOp({
  name: 'prim.scatter_add',
  inputs: ['x', 'indices', 'updates'],
  outputs: ['y'],
  infer: ({ x, indices, updates }, { axis }: { axis: number }) => {
    expectIndex('prim.scatter_add', indices);
    const wanted = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    if (updates.dtype !== x.dtype || wanted.join() !== updates.shape.join()) {
      throw new ShapeError(
        `prim.scatter_add: updates must be ${formatType({ dtype: x.dtype, shape: wanted })}, got ${formatType(updates)}.`,
      );
    }
    return { y: x };
  },
  vjp: ({ inputs: { indices }, cotangents: { y: dy }, attrs: { axis } }) =>
    dy ? { x: dy, updates: gather(dy, indices, axis) } : {},
});

const expectStart = (op: string, start: Value) => {
  expectIndex(op, start);
  if (start.shape.length) throw new ShapeError(`${op}: start must be a scalar, got ${formatType(start)}.`);
};

/** `length` elements of `axis` from a start known at run time. The caller keeps `start + length` inside. */
export const dynamicSliceOp = defineOp({
  name: 'prim.dynamic_slice',
  inputs: ['x', 'start'],
  outputs: ['y'],
  infer: ({ x, start }, { axis, length }: { axis: number; length: number }) => {
    expectStart('prim.dynamic_slice', start);
    if (length > x.shape[axis])
      throw new ShapeError(`prim.dynamic_slice: ${length} elements of axis ${axis} of ${formatType(x)}.`);
    return { y: { shape: x.shape.map((d, i) => (i === axis ? length : d)), dtype: x.dtype } };
  },
  vjp: ({ inputs: { x, start }, cotangents: { y: dy }, attrs: { axis } }) =>
    dy ? { x: updateSlice(zerosLike(x), dy, start, axis) } : {},
});

/** `x` with `update` written along `axis` from a start known at run time: how a KV cache grows in place. */
export const updateSliceOp = defineOp({
  name: 'prim.update_slice',
  inputs: ['x', 'update', 'start'],
  outputs: ['y'],
  infer: ({ x, update, start }, { axis }: { axis: number }) => {
    expectStart('prim.update_slice', start);
    const fits =
      update.shape.length === x.shape.length &&
      update.shape.every((d, i) => (i === axis ? d <= x.shape[i] : d === x.shape[i]));
    if (!fits || update.dtype !== x.dtype) {
      throw new ShapeError(
        `prim.update_slice: ${formatType(update)} does not fit into axis ${axis} of ${formatType(x)}.`,
      );
    }
    return { y: x };
  },
  vjp: ({ inputs: { update, start }, cotangents: { y: dy }, attrs: { axis } }) =>
    dy
      ? {
          x: updateSlice(dy, full(update.shape, 0, dy.dtype), start, axis),
          update: dynamicSlice(dy, start, axis, update.shape[axis]),
        }
      : {},
});

export const gather = (x: Value, indices: Value, axis = 0): Value =>
  gatherOp({ x, indices }, { axis: axisOf('prim.gather', x, axis) }).y;
export const scatterAdd = (x: Value, indices: Value, updates: Value, axis = 0): Value =>
  scatterAddOp({ x, indices, updates }, { axis: axisOf('prim.scatter_add', x, axis) }).y;
export const dynamicSlice = (x: Value, start: Value, axis: number, length: number): Value =>
  dynamicSliceOp({ x, start }, { axis: axisOf('prim.dynamic_slice', x, axis), length }).y;
export const updateSlice = (x: Value, update: Value, start: Value, axis: number): Value =>
  updateSliceOp({ x, update, start }, { axis: axisOf('prim.update_slice', x, axis) }).y;
