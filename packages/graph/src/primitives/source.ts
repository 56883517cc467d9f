import { type DType, type HostTensor, ShapeError, sizeOf, tensor } from '@emu-ts/base';
import { defineOp } from '../op.js';
import { axisOf } from '../shape.js';
import { formatType, type TensorType, type Value } from '../value.js';

/** Where values come from: named inputs, embedded constants, fills and counters. */
export const inputOp = defineOp({
  name: 'prim.input',
  inputs: [],
  outputs: ['value'],
  infer: (_, { shape, dtype }: { name: string; shape: readonly number[]; dtype: DType }) => ({
    value: { shape, dtype },
  }),
  vjp: () => ({}),
});

export const constantOp = defineOp({
  name: 'prim.constant',
  inputs: [],
  outputs: ['value'],
  infer: (_, { tensor: { shape, dtype } }: { tensor: HostTensor }) => ({ value: { shape, dtype } }),
  vjp: () => ({}),
});

export const fullOp = defineOp({
  name: 'prim.full',
  inputs: [],
  outputs: ['value'],
  infer: (_, { shape, dtype }: { shape: readonly number[]; dtype: DType; value: number }) => ({
    value: { shape, dtype },
  }),
  vjp: () => ({}),
});

export const iotaOp = defineOp({
  name: 'prim.iota',
  inputs: [],
  outputs: ['value'],
  infer: (_, { shape, dtype, axis }: { shape: readonly number[]; dtype: DType; axis: number }) => {
    axisOf('prim.iota', { shape, dtype }, axis);
    return { value: { shape, dtype } };
  },
  vjp: () => ({}),
});

/** A named input of a graph. Parameters are inputs whose name is their checkpoint path. */
export const input = (name: string, { dtype, shape }: TensorType): Value =>
  inputOp({}, { name, shape: [...shape], dtype }).value;

/** Embeds a small host tensor. Large ones belong in inputs. */
export const constant = (data: HostTensor): Value => constantOp({}, { tensor: data }).value;

/** A constant from numbers: `literal('f32', [2], [1, 2])`. */
export function literal(dtype: DType, shape: readonly number[], values: readonly number[]): Value {
  if (values.length !== sizeOf(shape)) {
    throw new ShapeError(
      `${formatType({ dtype, shape })} holds ${sizeOf(shape)} elements, got ${values.length}.`,
    );
  }
  return constant(tensor(dtype, shape, values));
}

/** Every element the same number. */
export const full = (shape: readonly number[], value: number, dtype: DType = 'f32'): Value =>
  fullOp({}, { shape: [...shape], dtype, value }).value;

export const zerosLike = ({ shape, dtype }: TensorType): Value => full(shape, 0, dtype);

/** Each element is its index along `axis`: 0, 1, 2, … */
export const iota = (shape: readonly number[], axis: number, dtype: DType = 'i32'): Value =>
  iotaOp({}, { shape: [...shape], dtype, axis }).value;
