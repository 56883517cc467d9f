import { type DType, isFloat, ShapeError } from '@emu-ts/base';
import { formatType, last, type TensorType } from '@emu-ts/graph';

/** Throws unless `x` holds floats. */
export function expectFloat(op: string, operand: string, x: TensorType): void {
  if (!isFloat(x.dtype)) throw new ShapeError(`${op}: '${operand}' must be floats, got ${formatType(x)}.`);
}

/** Throws unless `weight` is one vector as long as the last axis of `x`. */
export function expectChannels(op: string, operand: string, weight: TensorType, channels: number): void {
  expectFloat(op, operand, weight);
  if (weight.shape.length !== 1 || last(weight) !== channels)
    throw new ShapeError(`${op}: '${operand}' must be [${channels}], got ${formatType(weight)}.`);
}

/** Half floats are stored; sums over them are taken in f32. */
export const accumulator = (dtype: DType): DType => (dtype === 'f16' || dtype === 'bf16' ? 'f32' : dtype);

/** The shape of a reduction over the last axis, kept as 1 so that it broadcasts back. */
export const keepLast = (x: TensorType): number[] => [...x.shape.slice(0, -1), 1];

/** All axes but the last. */
export const leadingAxes = (x: TensorType): number[] => x.shape.slice(0, -1).map((_, i) => i);
