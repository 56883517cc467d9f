import { ShapeError } from '@emu-ts/base';
import {
  add,
  broadcastShapes,
  cast,
  defineOp,
  dims,
  div,
  exp,
  expectShape,
  formatType,
  iota,
  less,
  log,
  matmul,
  max,
  maxReduce,
  mul,
  sameShape,
  sub,
  sum,
  swapLast,
  type TensorType,
  unbroadcast,
  type Value,
  where,
  zerosLike,
} from '@emu-ts/graph';
import { accumulator, expectFloat } from '../checks.js';

export type AttentionAttrs = {
  /** Factor of the scores q·kᵀ, usually 1/√d. */
  readonly scale: number;
  /** Position i sees positions 0 … i; as many queries as keys. */
  readonly causal: boolean;
};

/**
 * Scaled dot-product attention: out = softmax(scale · q kᵀ + bias) v (Vaswani et al., 2017, section 3.2.1).
 * q [b h t d], k [b h s d], v [b h s e], bias broadcastable to [b h t s]; out [b h t e] in the dtype of q, and
 * logsumexp [b h t 1] of the score rows, which is all that the backward pass needs besides `out`. Keys and values
 * may be stored in a narrower float than q. A bias counts as `maskValue` where it is lower, −∞ too: so a query whose keys are
 * all hidden, by whatever mask, weighs all of them evenly, forwards and backwards.
 */
export const sdpaOp = defineOp({
  name: 'attention.sdpa',
  inputs: ['q', 'k', 'v', 'bias?'],
  outputs: ['out', 'logsumexp'],
  infer({ q, k, v, bias }, { causal }: AttentionAttrs) {
    for (const [operand, x] of Object.entries({ q, k, v })) expectFloat('attention.sdpa', operand, x);
    const { b, h, t, d } = dims(q, 'b h t d');
    const [s, e] = [k.shape[2], v.shape[3]];
    expectShape('attention.sdpa', 'k', k, [b, h, s, d]);
    expectShape('attention.sdpa', 'v', v, [b, h, s, e]);
    const scores: TensorType = { shape: [b, h, t, s], dtype: q.dtype };
    if (bias && !sameShape(broadcastShapes('attention.sdpa', bias, scores), scores.shape))
      throw new ShapeError(
        `attention.sdpa: 'bias' ${formatType(bias)} does not broadcast to [${scores.shape}].`,
      );
    if (causal && t !== s)
      throw new ShapeError(`attention.sdpa: causal needs as many queries as keys, got ${t} and ${s}.`, {
        hint: 'Give the mask as a bias.',
      });
    return {
      out: { shape: [b, h, t, e], dtype: q.dtype },
      logsumexp: { shape: [b, h, t, 1], dtype: accumulator(q.dtype) },
    };
  },
  decompose({ q, k, v, bias }, attrs) {
    const { weights, top, total } = weightsOf(q, k, bias, attrs);
    const out = matmul(weights, cast(v, weights.dtype));
    return { out: cast(out, q.dtype), logsumexp: add(top, log(total)) };
  },
  vjp({ inputs: { q, k, v, bias }, outputs: { out, logsumexp }, cotangents, attrs }) {
    const dout = cotangents.out ?? zerosLike(out);
    const dlogsumexp = cotangents.logsumexp;
    const { dq, dk, dv, dscores } = sdpaVjpOp({ dout, q, k, v, bias, out, logsumexp, dlogsumexp }, attrs);
    return {
      q: dq,
      k: dk,
      v: dv,
      ...(bias && { bias: where(less(bias, maskValue), 0, cast(unbroadcast(dscores, bias), bias.dtype)) }),
    };
  },
});

/**
 * With P = softmax(scores), dP = dout vᵀ and δ = Σ dout · out − dlogsumexp (Dao et al., "FlashAttention", 2022,
 * appendix B.2): dscores = P · (dP − δ), dq = scale · dscores k, dk = scale · dscoresᵀ q, dv = Pᵀ dout. `dscores` [b h t s] is
 * the cotangent of the bias before it was broadcast; nothing else uses it. `logsumexp`, that of the scores, gives a kernel
 * P = exp(scores − logsumexp), except where all keys are hidden: beside `maskValue` the logarithm is lost, and P is 1/s.
 */
export const sdpaVjpOp = defineOp({
  name: 'attention.sdpa_vjp',
  inputs: ['dout', 'q', 'k', 'v', 'bias?', 'out', 'logsumexp', 'dlogsumexp?'],
  outputs: ['dq', 'dk', 'dv', 'dscores'],
  infer: ({ q, k, v, logsumexp }, _: AttentionAttrs) => ({
    dq: q,
    dk: k,
    dv: v,
    dscores: { shape: [...q.shape.slice(0, -1), k.shape[2]], dtype: logsumexp.dtype },
  }),
  decompose({ dout, q, k, v, bias, out, logsumexp, dlogsumexp }, attrs) {
    const wide = logsumexp.dtype;
    const cotangent = cast(dout, wide);
    const { weights } = weightsOf(q, k, bias, attrs); // [b h t s]
    const dweights = matmul(cotangent, swapLast(cast(v, wide)));
    const rows = sum(mul(cotangent, cast(out, wide)), -1, true);
    const delta = dlogsumexp ? sub(rows, dlogsumexp) : rows;
    const dscores = mul(weights, sub(dweights, delta));
    const scaled = mul(dscores, attrs.scale);
    return {
      dq: cast(matmul(scaled, cast(k, wide)), q.dtype),
      dk: cast(matmul(swapLast(scaled), cast(q, wide)), k.dtype),
      dv: cast(matmul(swapLast(weights), cotangent), v.dtype),
      dscores,
    };
  },
});

/**
 * A finite bias that hides a key: any score is lost beside it. Half of the most negative number, so that two of them still add
 * up to a finite one, and a float of 32 bits, so that it is the same number in a graph and in a tensor.
 */
export const maskValue = Math.fround(-1.7e38);

/** softmax(scores), with what the scores were shifted by and what their powers add up to. */
function weightsOf(q: Value, k: Value, bias: Value | undefined, attrs: AttentionAttrs) {
  const scores = scoresOf(q, k, bias, attrs);
  const top = maxReduce(scores, -1, true);
  const powers = exp(sub(scores, top));
  const total = sum(powers, -1, true);
  return { weights: div(powers, total), top, total };
}

/** scale · q kᵀ + bias with the causal part masked, [b h t s] in the accumulation dtype. */
function scoresOf(q: Value, k: Value, bias: Value | undefined, { scale, causal }: AttentionAttrs): Value {
  const wide = accumulator(q.dtype);
  const product = mul(matmul(cast(q, wide), swapLast(cast(k, wide))), scale);
  const scores = bias ? add(product, max(cast(bias, wide), maskValue)) : product;
  if (!causal) return scores;
  const [t, s] = scores.shape.slice(-2);
  const future = less(iota([t, s], 0), iota([t, s], 1));
  return where(future, maskValue, scores);
}
