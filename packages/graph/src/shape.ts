import { ShapeError, sizeOf } from '@emu-ts/base';
import { formatType, sameShape, type TensorType, type Value } from './value.js';

/**
 * Reads a shape aloud: `const { b, t, d } = dims(x, 'b t d')`. A number in the pattern must match exactly.
 * Throws `ShapeError` when the rank differs.
 */
export function dims<P extends string>(x: TensorType, pattern: P): Record<Letters<P>, number> {
  const names = pattern.trim().split(/\s+/);
  if (names.length !== x.shape.length) {
    throw new ShapeError(`Expected ${names.length} dimensions (${pattern}), got ${formatType(x)}.`);
  }
  const out: Record<string, number> = {};
  names.forEach((name, i) => {
    const size = x.shape[i];
    const wanted = /^\d+$/.test(name) ? Number(name) : (out[name] ?? size);
    if (wanted !== size)
      throw new ShapeError(`Expected ${wanted} at '${name}' of (${pattern}), got ${formatType(x)}.`);
    out[name] = size;
  });
  return out as Record<Letters<P>, number>;
}

type Letters<P extends string> = P extends `${infer Head} ${infer Rest}` ? Head | Letters<Rest> : P;

/** The common shape of two operands under NumPy's broadcasting rule. */
export function broadcastShapes(op: string, a: TensorType, b: TensorType): number[] {
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank }, (_, i) => {
    const da = a.shape[i - rank + a.shape.length] ?? 1;
    const db = b.shape[i - rank + b.shape.length] ?? 1;
    if (da !== db && da !== 1 && db !== 1) {
      throw new ShapeError(`${op}: ${formatType(a)} and ${formatType(b)} do not broadcast.`);
    }
    return da === 1 ? db : da;
  });
}

/** A negative axis counts from the end. */
export function axisOf(op: string, x: TensorType, axis: number): number {
  const rank = x.shape.length;
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank) {
    throw new ShapeError(`${op}: axis ${axis} is outside ${formatType(x)}.`);
  }
  return positive;
}

export const rank = (x: TensorType): number => x.shape.length;
export const last = (x: TensorType): number => x.shape[x.shape.length - 1];
export const size = (x: TensorType): number => sizeOf(x.shape);

/** Throws unless `x` has exactly this shape. */
export function expectShape(op: string, operand: string, x: TensorType, shape: readonly number[]): void {
  if (!sameShape(x.shape, shape)) {
    throw new ShapeError(`${op}: '${operand}' must be [${shape}], got ${formatType(x)}.`);
  }
}

export function expectSameDtype(op: string, a: Value, b: Value): void {
  if (a.dtype !== b.dtype) {
    throw new ShapeError(`${op}: operands differ in dtype, ${formatType(a)} and ${formatType(b)}.`, {
      hint: 'Cast one of them.',
    });
  }
}
