import { ShapeError } from '@emu-ts/base';
import { defineOp, formatType, last, mul, split } from '@emu-ts/graph';
import { gelu } from '../gelu/op.js';
import { linearOp } from '../linear/op.js';
import { silu } from '../silu/op.js';

/**
 * A gated linear layer whose one weight [2n k] holds values before gates ("GLU Variants Improve Transformer", Shazeer, 2020):
 * y = value · activation(gate) with [value, gate] = x Wᵀ + b. This op stands in no model: the WebGPU planner puts it where a
 * graph splits a linear layer in two and multiplies the halves.
 */
const activations = { gelu, silu };

export type Gated = { readonly activation: keyof typeof activations };

export const linearGatedOp = defineOp({
  name: 'nn.linear_gated',
  inputs: ['x', 'weight', 'bias?'],
  outputs: ['y'],
  infer(inputs, _: Gated) {
    const { y } = linearOp.infer(inputs, {});
    if (last(y) % 2) throw new ShapeError(`nn.linear_gated: ${formatType(y)} does not split in two.`);
    return { y: { dtype: y.dtype, shape: [...y.shape.slice(0, -1), last(y) / 2] } };
  },
  decompose(inputs, { activation }) {
    const { y } = linearOp(inputs, {});
    const [value, gate] = split(y, -1, [last(y) / 2, last(y) / 2]);
    return { y: mul(value, activations[activation](gate)) };
  },
});
