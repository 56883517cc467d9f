import { ShapeError } from '@emu-ts/base';
import {
  add,
  cast,
  defineOp,
  equal,
  exp,
  expectShape,
  formatType,
  iota,
  log,
  maxReduce,
  mul,
  reshape,
  sub,
  sum,
  type Value,
  where,
  zerosLike,
} from '@emu-ts/graph';
import { accumulator, expectFloat, keepLast } from '../checks.js';

/**
 * The negative log-likelihood of one label per row: nll = logsumexp − logits[label]. logits [… v], labels i32 [… ],
 * nll [… ] and logsumexp [… 1] in the accumulation dtype. A label outside 0 … v − 1 selects nothing: its row must be
 * masked out by the caller.
 */
export const crossEntropyOp = defineOp({
  name: 'nn.cross_entropy',
  inputs: ['logits', 'labels'],
  outputs: ['nll', 'logsumexp'],
  infer({ logits, labels }, _: Record<string, never>) {
    expectFloat('nn.cross_entropy', 'logits', logits);
    if (labels.dtype !== 'i32')
      throw new ShapeError(`nn.cross_entropy: 'labels' must be i32, got ${formatType(labels)}.`);
    expectShape('nn.cross_entropy', 'labels', labels, logits.shape.slice(0, -1));
    const dtype = accumulator(logits.dtype);
    return { nll: { shape: labels.shape, dtype }, logsumexp: { shape: keepLast(logits), dtype } };
  },
  decompose({ logits, labels }) {
    const wide = cast(logits, accumulator(logits.dtype));
    const top = maxReduce(wide, -1, true);
    const logsumexp = add(top, log(sum(exp(sub(wide, top)), -1, true)));
    const chosen = sum(where(isLabel(logits, labels), wide, 0), -1);
    return { nll: sub(reshape(logsumexp, labels.shape), chosen), logsumexp };
  },
  vjp({ inputs: { logits, labels }, outputs: { nll, logsumexp }, cotangents }) {
    const dnll = cotangents.nll ?? zerosLike(nll);
    const { dlogits } = crossEntropyVjpOp({ dnll, logits, labels, logsumexp }, {});
    if (!cotangents.logsumexp) return { logits: dlogits };
    const weights = exp(sub(cast(logits, logsumexp.dtype), logsumexp));
    return { logits: add(dlogits, cast(mul(weights, cotangents.logsumexp), logits.dtype)) };
  },
});

/** dlogits = (softmax(logits) − onehot(label)) · dnll */
export const crossEntropyVjpOp = defineOp({
  name: 'nn.cross_entropy_vjp',
  inputs: ['dnll', 'logits', 'labels', 'logsumexp'],
  outputs: ['dlogits'],
  infer: ({ logits }, _: Record<string, never>) => ({
    dlogits: { shape: logits.shape, dtype: logits.dtype },
  }),
  decompose({ dnll, logits, labels, logsumexp }) {
    const weights = exp(sub(cast(logits, logsumexp.dtype), logsumexp));
    const error = sub(weights, cast(isLabel(logits, labels), weights.dtype));
    return { dlogits: cast(mul(error, reshape(dnll, logsumexp.shape)), logits.dtype) };
  },
});

/** bool [… v], true at each row's label */
const isLabel = (logits: Value, labels: Value): Value =>
  equal(iota([logits.shape[logits.shape.length - 1]], 0), reshape(labels, [...labels.shape, 1]));
