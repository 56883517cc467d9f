import { ShapeError, sizeOf } from '@emu-ts/base';
import { defineOp } from '../op.js';
import { axisOf } from '../shape.js';
import { formatType, sameShape, type Value } from '../value.js';
import { unbroadcast } from './elementwise.js';

/** Moving elements without computing: reshape, transpose, broadcast, slice, pad, concatenate. */
export const reshapeOp = defineOp({
  name: 'prim.reshape',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, { shape }: { shape: readonly number[] }) => {
    if (sizeOf(shape) !== sizeOf(x.shape)) {
      throw new ShapeError(
        `prim.reshape: ${formatType(x)} has ${sizeOf(x.shape)} elements, [${shape}] has ${sizeOf(shape)}.`,
      );
    }
    return { y: { shape, dtype: x.dtype } };
  },
  vjp: ({ inputs: { x }, cotangents: { y: dy } }) => (dy ? { x: reshape(dy, x.shape) } : {}),
});

export const transposeOp = defineOp({
  name: 'prim.transpose',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, { permutation }: { permutation: readonly number[] }) => {
    if (
      !sameShape(
        [...permutation].sort((a, b) => a - b),
        x.shape.map((_, i) => i),
      )
    ) {
      throw new ShapeError(
        `prim.transpose: [${permutation}] is not a permutation of the axes of ${formatType(x)}.`,
      );
    }
    return { y: { shape: permutation.map((i) => x.shape[i]), dtype: x.dtype } };
  },
  vjp: ({ cotangents: { y: dy }, attrs: { permutation } }) =>
    dy
      ? {
          x: transpose(
            dy,
            permutation.map((_, i) => permutation.indexOf(i)),
          ),
        }
      : {},
});

export const broadcastOp = defineOp({
  name: 'prim.broadcast',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, { shape }: { shape: readonly number[] }) => {
    const lead = shape.length - x.shape.length;
    if (lead < 0 || x.shape.some((d, i) => d !== 1 && d !== shape[i + lead])) {
      throw new ShapeError(`prim.broadcast: ${formatType(x)} does not broadcast to [${shape}].`);
    }
    return { y: { shape, dtype: x.dtype } };
  },
  vjp: ({ inputs: { x }, cotangents: { y: dy } }) => (dy ? { x: unbroadcast(dy, x) } : {}),
});

/** Elements `starts[i], starts[i] + steps[i], …` before `ends[i]` along every axis. */
export const sliceOp = defineOp({
  name: 'prim.slice',
  inputs: ['x'],
  outputs: ['y'],
  infer: (
    { x },
    { starts, ends, steps }: { starts: readonly number[]; ends: readonly number[]; steps: readonly number[] },
  ) => {
    const bad = x.shape.some(
      (d, i) => !(starts[i] >= 0 && starts[i] <= ends[i] && ends[i] <= d && steps[i] >= 1),
    );
    if (bad || starts.length !== x.shape.length) {
      throw new ShapeError(`prim.slice: [${starts}] to [${ends}] by [${steps}] is outside ${formatType(x)}.`);
    }
    return {
      y: { shape: x.shape.map((_, i) => Math.ceil((ends[i] - starts[i]) / steps[i])), dtype: x.dtype },
    };
  },
  vjp: ({ inputs: { x }, outputs: { y }, cotangents: { y: dy }, attrs: { starts, steps } }) => {
    if (!dy) return {};
    const spread = (i: number) => (y.shape[i] === 0 ? 0 : (y.shape[i] - 1) * steps[i] + 1);
    const high = x.shape.map((d, i) => d - starts[i] - spread(i));
    return { x: spreadOut(dy, starts, high, steps) };
  },
});

/** Zeros (or `false`) before, after and between the elements of each axis. */
export const padOp = defineOp({
  name: 'prim.pad',
  inputs: ['x'],
  outputs: ['y'],
  infer: (
    { x },
    { low, high, interior }: { low: readonly number[]; high: readonly number[]; interior: readonly number[] },
  ) => {
    const shape = x.shape.map((d, i) => low[i] + high[i] + (d === 0 ? 0 : (d - 1) * (interior[i] + 1) + 1));
    if ([...low, ...high, ...interior].some((n) => n < 0) || low.length !== x.shape.length) {
      throw new ShapeError(`prim.pad: cannot pad ${formatType(x)} by [${low}], [${high}], [${interior}].`);
    }
    return { y: { shape, dtype: x.dtype } };
  },
  vjp: ({ outputs: { y }, cotangents: { y: dy }, attrs: { low, high, interior } }) =>
    dy
      ? {
          x: strided(
            dy,
            low,
            y.shape.map((d, i) => d - high[i]),
            interior,
          ),
        }
      : {},
});

export const concatOp = defineOp({
  name: 'prim.concat',
  inputs: 'variadic',
  outputs: ['y'],
  infer: (parts, { axis }: { axis: number }) => {
    const values = Object.values(parts);
    const [first] = values;
    if (!first) throw new ShapeError('prim.concat: nothing to concatenate.');
    for (const part of values) {
      const fits =
        part.shape.length === first.shape.length &&
        part.shape.every((d, i) => i === axis || d === first.shape[i]);
      if (!fits || part.dtype !== first.dtype) {
        throw new ShapeError(
          `prim.concat: ${formatType(first)} and ${formatType(part)} differ beside axis ${axis}.`,
        );
      }
    }
    const total = values.reduce((n, part) => n + part.shape[axis], 0);
    return { y: { shape: first.shape.map((d, i) => (i === axis ? total : d)), dtype: first.dtype } };
  },
  vjp: ({ inputs, cotangents: { y: dy }, attrs: { axis } }) => {
    if (!dy) return {};
    let start = 0;
    return Object.fromEntries(
      Object.entries(inputs).map(([name, part]) => {
        const from = start;
        start += part.shape[axis];
        return [name, slice(dy, axis, from, start)];
      }),
    );
  },
});

const spreadOut = (
  dy: Value,
  low: readonly number[],
  high: readonly number[],
  steps: readonly number[],
): Value => padOp({ x: dy }, { low, high, interior: steps.map((step) => step - 1) }).y;

const strided = (
  dy: Value,
  starts: readonly number[],
  ends: readonly number[],
  interior: readonly number[],
): Value => sliceOp({ x: dy }, { starts, ends, steps: interior.map((n) => n + 1) }).y;

/** One dimension may be −1: whatever is left. */
export function reshape(x: Value, shape: readonly number[]): Value {
  const known = shape.reduce((n, d) => (d < 0 ? n : n * d), 1);
  const whole = shape.map((d) => (d < 0 ? sizeOf(x.shape) / known : d));
  return sameShape(whole, x.shape) ? x : reshapeOp({ x }, { shape: whole }).y;
}

/** Axis `i` of the result is axis `permutation[i]` of `x`. */
export function transpose(x: Value, permutation: readonly number[]): Value {
  return permutation.every((p, i) => p === i) && permutation.length === x.shape.length
    ? x
    : transposeOp({ x }, { permutation: [...permutation] }).y;
}

export const swapLast = (x: Value): Value => {
  const axes = x.shape.map((_, i) => i);
  return transpose(x, [...axes.slice(0, -2), axes[axes.length - 1], axes[axes.length - 2]]);
};

export const broadcast = (x: Value, shape: readonly number[]): Value =>
  sameShape(x.shape, shape) ? x : broadcastOp({ x }, { shape: [...shape] }).y;

/** Elements `start … end − 1` of one axis, every `step`-th. */
export function slice(x: Value, axis: number, start: number, end: number, step = 1): Value {
  const along = axisOf('prim.slice', x, axis);
  if (start === 0 && end === x.shape[along] && step === 1) return x;
  return sliceOp(
    { x },
    {
      starts: x.shape.map((_, i) => (i === along ? start : 0)),
      ends: x.shape.map((d, i) => (i === along ? end : d)),
      steps: x.shape.map((_, i) => (i === along ? step : 1)),
    },
  ).y;
}

/** Cuts `x` along `axis` into pieces of the given sizes. */
export function split(x: Value, axis: number, sizes: readonly number[]): Value[] {
  let start = 0;
  return sizes.map((length) => {
    start += length;
    return slice(x, axis, start - length, start);
  });
}

/** Zeros before and after: `low[i]` and `high[i]` along axis i. */
export const pad = (x: Value, low: readonly number[], high: readonly number[]): Value =>
  padOp({ x }, { low: [...low], high: [...high], interior: low.map(() => 0) }).y;

export function concat(parts: readonly Value[], axis: number): Value {
  if (parts.length === 1) return parts[0];
  const named = Object.fromEntries(parts.map((part, i) => [`x${i}`, part]));
  return concatOp(named, { axis: parts[0] ? axisOf('prim.concat', parts[0], axis) : axis }).y;
}
