import { ShapeError } from '@emu-ts/base';
import {
  add,
  defineOp,
  formatType,
  last,
  reshape,
  sameType,
  size,
  type TensorType,
  type Value,
  zerosLike,
} from '@emu-ts/graph';
import { accumulator, expectChannels, keepLast } from '../checks.js';
import { layerNormOp } from '../layer-norm/op.js';
import { rmsNormOp } from '../rms-norm/op.js';

/**
 * A norm and the residual stream that it reads: sum = x + residual, y = norm(sum). x and residual hold as many elements, in
 * rows as long as gain [d]; shift [d] is that of a layer norm. `mean` and `rstd` [… 1] are for the backward pass; an RMS
 * norm has a mean of zero. This op stands in no model: the WebGPU planner puts it where a norm reads a sum.
 */
export type ResidualNorm = { readonly norm: 'layer' | 'rms'; readonly eps: number };

type Norm<T> = { readonly gain: T; readonly shift?: T | undefined };

/** y and statistics of a norm of `sum`. */
export function normalised(sum: Value, { gain, shift }: Norm<Value>, { norm, eps }: ResidualNorm) {
  if (norm === 'layer' && shift) return layerNormOp({ x: sum, weight: gain, bias: shift }, { eps });
  const { y, rstd } = rmsNormOp({ x: sum, weight: gain }, { eps });
  return { y, mean: zerosLike(rstd), rstd };
}

export function normalisedTypes(op: string, sum: TensorType, given: Norm<TensorType>, attrs: ResidualNorm) {
  const { gain, shift } = given;
  if ((attrs.norm === 'layer') !== (shift !== undefined))
    throw new ShapeError(
      `${op}: a shift belongs to a layer norm, got ${attrs.norm} and ${shift && formatType(shift)}.`,
    );
  expectChannels(op, 'gain', gain, last(sum));
  if (shift) expectChannels(op, 'shift', shift, last(sum));
  const statistic = { shape: keepLast(sum), dtype: accumulator(sum.dtype) };
  return { sum, y: { shape: sum.shape, dtype: sum.dtype }, mean: statistic, rstd: statistic };
}

/** Throws unless `residual` has as many elements as `x`. */
export function expectResidual(op: string, x: TensorType, residual: TensorType): void {
  const flat = (type: TensorType) => ({ dtype: type.dtype, shape: [size(type)] });
  if (!sameType(flat(x), flat(residual)))
    throw new ShapeError(`${op}: 'residual' must fit ${formatType(x)}, got ${formatType(residual)}.`);
}

export const residualNormOp = defineOp({
  name: 'nn.residual_norm',
  inputs: ['x', 'residual', 'gain', 'shift?'],
  outputs: ['y', 'sum', 'mean', 'rstd'],
  infer({ x, residual, ...norm }, attrs: ResidualNorm) {
    expectResidual('nn.residual_norm', x, residual);
    return normalisedTypes('nn.residual_norm', x, norm, attrs);
  },
  decompose({ x, residual, ...norm }, attrs) {
    const sum = add(x, reshape(residual, x.shape));
    return { sum, ...normalised(sum, norm, attrs) };
  },
});
