import { ShapeError } from '@emu-ts/base';
import {
  add,
  cast,
  defineOp,
  dims,
  formatType,
  last,
  matmul,
  reshape,
  size,
  sum,
  swapLast,
  type Value,
} from '@emu-ts/graph';
import { expectChannels, expectFloat } from '../checks.js';
import { rowsInParts } from '../parts.js';

/**
 * y = x Wᵀ + b for x [… k], weight [n k], bias [n]; y is [… n] in the dtype of x. Weights may be stored in a
 * narrower float; they are widened to the dtype of x.
 */
export const linearOp = defineOp({
  name: 'nn.linear',
  inputs: ['x', 'weight', 'bias?'],
  outputs: ['y'],
  infer({ x, weight, bias }, _: Record<string, never>) {
    const { n, k } = dims(weight, 'n k');
    expectFloat('nn.linear', 'x', x);
    expectFloat('nn.linear', 'weight', weight);
    if (last(x) !== k)
      throw new ShapeError(
        `nn.linear: ${formatType(x)} does not end in the ${k} inputs of ${formatType(weight)}.`,
      );
    if (bias) expectChannels('nn.linear', 'bias', bias, n);
    return { y: { shape: [...x.shape.slice(0, -1), n], dtype: x.dtype } };
  },
  decompose({ x, weight, bias }) {
    const [n, k] = weight.shape;
    const product = matmul(reshape(x, [size(x) / k, k]), swapLast(cast(weight, x.dtype)));
    const y = bias ? add(product, cast(bias, x.dtype)) : product;
    return { y: reshape(y, [...x.shape.slice(0, -1), n]) };
  },
  inParts: (operand, parts, { x, bias }): { y: Value } | undefined =>
    operand === 'weight'
      ? rowsInParts(parts, (weight, rows) => linearOp({ x, weight, bias: bias && rows(bias) }, {}))
      : undefined,
  vjp({ inputs: { x, weight, bias }, cotangents: { y } }) {
    if (!y) return {};
    const [n, k] = weight.shape;
    const rows = size(x) / k;
    const dy = reshape(y, [rows, n]);
    return {
      x: reshape(matmul(dy, cast(weight, x.dtype)), x.shape),
      weight: cast(matmul(swapLast(dy), reshape(x, [rows, k])), weight.dtype),
      ...(bias ? { bias: cast(sum(dy, 0), bias.dtype) } : {}),
    };
  },
});
