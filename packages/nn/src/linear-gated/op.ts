import { ShapeError } from '@emu-ts/base';
import { defineOp, formatType, last, mul, sameType, split, type TensorType, type Value } from '@emu-ts/graph';
import { gelu } from '../gelu/op.js';
import { linearOp } from '../linear/op.js';
import { linearInt4Op, linearInt8Op } from '../quantized-linear/op.js';
import { silu } from '../silu/op.js';

/**
 * Gated linear layers ("GLU Variants Improve Transformer", Shazeer, 2020): y = value · activation(gate). Values and gates are
 * two layers of one x, as in LLaMA, or one layer whose weight holds values before gates, as in diffusion models. These ops
 * stand in no model: the WebGPU planner puts them where a graph multiplies a layer by an activated one.
 */
const activations = { gelu, silu };

export type Gated = { readonly activation: keyof typeof activations };

function gatedType(name: string, value: TensorType, gate: TensorType | undefined): { y: TensorType } {
  if (gate) {
    if (!sameType(gate, value))
      throw new ShapeError(
        `${name}: gates ${formatType(gate)} are not as many as values ${formatType(value)}.`,
      );
    return { y: { dtype: value.dtype, shape: value.shape } };
  }
  if (last(value) % 2) throw new ShapeError(`${name}: ${formatType(value)} does not split in two.`);
  return { y: { dtype: value.dtype, shape: [...value.shape.slice(0, -1), last(value) / 2] } };
}

function gated(y: Value, gate: Value | undefined, { activation }: Gated): { y: Value } {
  const [value, second] = gate ? [y, gate] : split(y, -1, [last(y) / 2, last(y) / 2]);
  return { y: mul(value, activations[activation](second)) };
}

export const linearGatedOp = defineOp({
  name: 'nn.linear_gated',
  inputs: ['x', 'weight', 'bias?', 'gate?', 'gateBias?'],
  outputs: ['y'],
  infer({ x, weight, bias, gate, gateBias }, _: Gated) {
    const second = gate && linearOp.infer({ x, weight: gate, bias: gateBias }, {}).y;
    return gatedType('nn.linear_gated', linearOp.infer({ x, weight, bias }, {}).y, second);
  },
  decompose({ x, weight, bias, gate, gateBias }, attrs) {
    const second = gate && linearOp({ x, weight: gate, bias: gateBias }, {}).y;
    return gated(linearOp({ x, weight, bias }, {}).y, second, attrs);
  },
});

const codes = ['x', 'codes', 'scales', 'bias?', 'gateCodes?', 'gateScales?', 'gateBias?'] as const;

const quantised = (name: `nn.${string}`, layer: typeof linearInt4Op | typeof linearInt8Op) =>
  defineOp({
    name,
    inputs: codes,
    outputs: ['y'],
    infer({ gateCodes, gateScales, gateBias, ...value }, _: Gated) {
      const second =
        gateCodes &&
        gateScales &&
        layer.infer({ x: value.x, codes: gateCodes, scales: gateScales, bias: gateBias }, {}).y;
      return gatedType(name, layer.infer(value, {}).y, second);
    },
    decompose({ gateCodes, gateScales, gateBias, ...value }, attrs) {
      const second =
        gateCodes &&
        gateScales &&
        layer({ x: value.x, codes: gateCodes, scales: gateScales, bias: gateBias }, {}).y;
      return gated(layer(value, {}).y, second, attrs);
    },
  });

export const linearInt4GatedOp = quantised('nn.linear_int4_gated', linearInt4Op);
export const linearInt8GatedOp = quantised('nn.linear_int8_gated', linearInt8Op);
