import { cast, div, max, mean, mul, sub, sum, type Value } from '@emu-ts/graph';
import { crossEntropyOp } from './cross-entropy/op.js';

/**
 * The mean negative log-likelihood of the labels, over the positions where `mask` is set; 0 when none is.
 * logits [… v], labels i32 [… ], mask (bool or 0/1 of any dtype) [… ]; a scalar. Labels under the mask are not read.
 */
export function crossEntropy(logits: Value, labels: Value, mask: Value): Value {
  const { nll } = crossEntropyOp({ logits, labels }, {});
  const counted = cast(mask, nll.dtype);
  return div(sum(mul(nll, counted)), max(sum(counted), 1));
}

/** The mean of (a − b)² over all elements; a scalar. */
export function meanSquaredError(a: Value, b: Value): Value {
  const difference = sub(a, b);
  return mean(mul(difference, difference));
}
