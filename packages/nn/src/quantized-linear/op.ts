import { ShapeError } from '@emu-ts/base';
import {
  add,
  cast,
  concat,
  defineOp,
  dims,
  expectShape,
  formatType,
  last,
  mul,
  type Operands,
  reshape,
  slice,
  sub,
  type TensorType,
  type Value,
} from '@emu-ts/graph';
import { expectChannels, expectFloat } from '../checks.js';
import { linearOp } from '../linear/op.js';
import { rowsInParts } from '../parts.js';

/**
 * A linear layer whose weight [n k] is stored as small integers in groups of 32 along k, one f16 scale per group:
 * weight = (code − 2^(bits−1)) · scale. `codes` is u8 [n groups 32·bits/8], `scales` f16 [n groups], where
 * groups = ⌈k/32⌉ and the codes beyond k are padding that stands for zero. Two 4-bit codes share a byte, the even
 * element in the low half. This is byte for byte the operand layout of ONNX Runtime's MatMulNBits with
 * block_size 32 and its default zero point, and one group of 4-bit codes is one 16-byte load on a GPU.
 */
export const groupSize = 32;

export type QuantizedBits = 4 | 8;

const operands = ['x', 'codes', 'scales', 'bias?'] as const;
type Inputs = Operands<typeof operands, Value>;

function inferLinear(name: string, bits: QuantizedBits, { x, codes, scales, bias }: Inputs) {
  const k = last(x);
  const groups = Math.ceil(k / groupSize);
  const n = codes.shape[0];
  const wanted = { dtype: 'u8', shape: [n, groups, (groupSize * bits) / 8] } as const;
  expectFloat(name, 'x', x);
  if (codes.dtype !== 'u8' || codes.shape.join() !== wanted.shape.join())
    throw new ShapeError(
      `${name}: 'codes' must be ${formatType(wanted)} for ${formatType(x)}, got ${formatType(codes)}.`,
    );
  expectFloat(name, 'scales', scales);
  expectShape(name, 'scales', scales, [n, groups]);
  if (bias) expectChannels(name, 'bias', bias, n);
  return { y: { shape: [...x.shape.slice(0, -1), n], dtype: x.dtype } as TensorType };
}

/** Multiplies codes [n groups 32] in f32 by their scales and cuts the padding off: [n k]. */
function dequantise(centred: Value, scales: Value, k: number): Value {
  const { n, g } = dims(scales, 'n g');
  const weight = mul(centred, reshape(cast(scales, 'f32'), [n, g, 1]));
  return slice(reshape(weight, [n, g * groupSize]), 1, 0, k);
}

export const linearInt8Op = defineOp({
  name: 'nn.linear_int8',
  inputs: operands,
  outputs: ['y'],
  infer: (inputs, _: Record<string, never>) => inferLinear('nn.linear_int8', 8, inputs),
  inParts: (operand, parts, { x, scales, bias }): { y: Value } | undefined =>
    operand === 'codes'
      ? rowsInParts(parts, (codes, rows) =>
          linearInt8Op({ x, codes, scales: rows(scales), bias: bias && rows(bias) }, {}),
        )
      : undefined,
  decompose({ x, codes, scales, bias }) {
    const weight = dequantise(sub(cast(codes, 'f32'), 128), scales, last(x));
    return linearOp({ x, weight, bias }, {});
  },
});

export const linearInt4Op = defineOp({
  name: 'nn.linear_int4',
  inputs: operands,
  outputs: ['y'],
  infer: (inputs, _: Record<string, never>) => inferLinear('nn.linear_int4', 4, inputs),
  inParts: (operand, parts, { x, scales, bias }): { y: Value } | undefined =>
    operand === 'codes'
      ? rowsInParts(parts, (codes, rows) =>
          linearInt4Op({ x, codes, scales: rows(scales), bias: bias && rows(bias) }, {}),
        )
      : undefined,
  decompose({ x, codes, scales, bias }) {
    const { n, g, half } = dims(codes, 'n g half');
    const bytes = cast(codes, 'f32');
    const high = cast(cast(mul(bytes, 1 / 16), 'i32'), 'f32'); // casting to an integer drops the fraction
    const low = sub(bytes, mul(high, 16));
    const pairs = concat(
      [low, high].map((nibble) => reshape(nibble, [n, g, half, 1])),
      3,
    );
    const weight = dequantise(add(reshape(pairs, [n, g, groupSize]), -8), scales, last(x));
    return linearOp({ x, weight, bias }, {});
  },
});
