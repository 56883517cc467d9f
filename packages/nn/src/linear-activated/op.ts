import { ShapeError } from '@emu-ts/base';
import { add, defineOp, formatType, reshape, size, type TensorType, type Value } from '@emu-ts/graph';
import { gelu } from '../gelu/op.js';
import { linearOp } from '../linear/op.js';
import { linearInt4Op, linearInt8Op } from '../quantized-linear/op.js';
import { quickGelu } from '../quick-gelu/op.js';
import { relu } from '../relu.js';
import { silu } from '../silu/op.js';

/**
 * Linear layers with what follows them in most blocks: y = activation(x Wᵀ + b) + residual. These ops stand in no model: the
 * WebGPU planner puts them where a graph holds an activation or a sum after a linear layer. The residual has as many
 * elements as y.
 */
const activations = { gelu, silu, quickGelu, relu, none: (x: Value) => x };

export type Activated = { readonly activation: keyof typeof activations };

function checked(name: string, y: TensorType, residual: TensorType | undefined) {
  if (residual && (size(residual) !== size(y) || residual.dtype !== y.dtype))
    throw new ShapeError(`${name}: 'residual' must fit ${formatType(y)}, got ${formatType(residual)}.`);
  return { y };
}

function finished(y: Value, residual: Value | undefined, { activation }: Activated) {
  const active = activations[activation](y);
  return { y: residual ? add(active, reshape(residual, y.shape)) : active };
}

export const linearActivatedOp = defineOp({
  name: 'nn.linear_activated',
  inputs: ['x', 'weight', 'bias?', 'residual?'],
  outputs: ['y'],
  infer: ({ residual, ...inputs }, _: Activated) =>
    checked('nn.linear_activated', linearOp.infer(inputs, {}).y, residual),
  decompose: ({ residual, ...inputs }, attrs) => finished(linearOp(inputs, {}).y, residual, attrs),
});

export const linearInt4ActivatedOp = defineOp({
  name: 'nn.linear_int4_activated',
  inputs: ['x', 'codes', 'scales', 'bias?', 'residual?'],
  outputs: ['y'],
  infer: ({ residual, ...inputs }, _: Activated) =>
    checked('nn.linear_int4_activated', linearInt4Op.infer(inputs, {}).y, residual),
  decompose: ({ residual, ...inputs }, attrs) => finished(linearInt4Op(inputs, {}).y, residual, attrs),
});

export const linearInt8ActivatedOp = defineOp({
  name: 'nn.linear_int8_activated',
  inputs: ['x', 'codes', 'scales', 'bias?', 'residual?'],
  outputs: ['y'],
  infer: ({ residual, ...inputs }, _: Activated) =>
    checked('nn.linear_int8_activated', linearInt8Op.infer(inputs, {}).y, residual),
  decompose: ({ residual, ...inputs }, attrs) => finished(linearInt8Op(inputs, {}).y, residual, attrs),
});
