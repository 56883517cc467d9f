import { add, defineOp, reshape, type TensorType, type Value } from '@emu-ts/graph';
import { linearOp } from '../linear/op.js';
import { linearInt4Op, linearInt8Op } from '../quantized-linear/op.js';
import { expectResidual, normalised, normalisedTypes, type ResidualNorm } from '../residual-norm/op.js';

/**
 * A linear layer, the residual stream it adds to, and the norm that reads the stream: sum = x Wᵀ + b + residual,
 * y = norm(sum). These ops stand in no model: the WebGPU planner puts them where blocks follow one another.
 */
interface Rest<T> {
  readonly residual: T;
  readonly gain: T;
  readonly shift?: T | undefined;
}

const types = (op: string, y: TensorType, { residual, ...norm }: Rest<TensorType>, attrs: ResidualNorm) => {
  expectResidual(op, y, residual);
  return normalisedTypes(op, y, norm, attrs);
};

const values = (y: Value, { residual, ...norm }: Rest<Value>, attrs: ResidualNorm) => {
  const sum = add(y, reshape(residual, y.shape));
  return { sum, ...normalised(sum, norm, attrs) };
};

export const linearNormOp = defineOp({
  name: 'nn.linear_norm',
  inputs: ['x', 'weight', 'bias?', 'residual', 'gain', 'shift?'],
  outputs: ['y', 'sum', 'mean', 'rstd'],
  infer: ({ x, weight, bias, ...rest }, attrs: ResidualNorm) =>
    types('nn.linear_norm', linearOp.infer({ x, weight, bias }, {}).y, rest, attrs),
  decompose: ({ x, weight, bias, ...rest }, attrs) =>
    values(linearOp({ x, weight, bias }, {}).y, rest, attrs),
});

export const linearInt4NormOp = defineOp({
  name: 'nn.linear_int4_norm',
  inputs: ['x', 'codes', 'scales', 'bias?', 'residual', 'gain', 'shift?'],
  outputs: ['y', 'sum', 'mean', 'rstd'],
  infer: ({ x, codes, scales, bias, ...rest }, attrs: ResidualNorm) =>
    types('nn.linear_int4_norm', linearInt4Op.infer({ x, codes, scales, bias }, {}).y, rest, attrs),
  decompose: ({ x, codes, scales, bias, ...rest }, attrs) =>
    values(linearInt4Op({ x, codes, scales, bias }, {}).y, rest, attrs),
});

export const linearInt8NormOp = defineOp({
  name: 'nn.linear_int8_norm',
  inputs: ['x', 'codes', 'scales', 'bias?', 'residual', 'gain', 'shift?'],
  outputs: ['y', 'sum', 'mean', 'rstd'],
  infer: ({ x, codes, scales, bias, ...rest }, attrs: ResidualNorm) =>
    types('nn.linear_int8_norm', linearInt8Op.infer({ x, codes, scales, bias }, {}).y, rest, attrs),
  decompose: ({ x, codes, scales, bias, ...rest }, attrs) =>
    values(linearInt8Op({ x, codes, scales, bias }, {}).y, rest, attrs),
});
