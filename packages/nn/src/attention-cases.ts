import { tensor } from '@emu-ts/base';
import { type TensorType, tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';
import * as sdpa from './sdpa/cases.js';

/** Cases of ops of attention that reach the edges of tiles, vectors and head sizes. */
const f32 = (...shape: number[]) => tensorType('f32', shape);
const attention = ([b, h, t, s, d]: number[], e = d, causal = false, bias?: TensorType): OpCase => ({
  name: `${b}×${h} heads, ${t} queries, ${s} keys of ${d}${e === d ? '' : ` and values of ${e}`}${causal ? ', causal' : ''}${bias ? `, bias [${bias.shape}]` : ''}`,
  inputs: { q: f32(b, h, t, d), k: f32(b, h, s, d), v: f32(b, h, s, e), ...(bias ? { bias } : {}) },
  attrs: { scale: d ** -0.5, causal },
  expectation: { depth: 4, terms: s },
});
/** Everything is hidden by the most negative number there is, as masks of other frameworks have it. */
const hidden = ([t, s]: number[]): OpCase => ({
  ...attention([1, 2, t, s, 8], 8, false, f32(t, s)),
  name: `${t} queries, all ${s} keys hidden`,
  given: { bias: tensor('f32', [t, s], new Array(t * s).fill(-(2 - 2 ** -23) * 2 ** 127)) },
});
const tokenAttention = (
  [b, h, t, s, d]: number[],
  tokens: boolean,
  bias?: TensorType,
  causal = false,
): OpCase => {
  const { name, inputs, attrs, ...rest } = attention([b, h, t, s, d], d, causal, bias);
  const keys = tokens ? f32(b, s, h, d) : f32(b, h, s, d);
  return {
    name: `${name}, ${tokens ? 'all' : 'queries'} by token`,
    inputs: { ...inputs, q: f32(b, t, h, d), k: keys, v: keys },
    attrs: { ...attrs, tokens },
    ...rest,
  };
};
/** Queries and keys of one projection, values of one with other columns before and after. */
const packedAttention = ([b, h, t, d, e]: number[], causal = false, bias?: TensorType): OpCase => ({
  name: `${b}×${h} heads side by side, ${t} tokens of ${d} and ${e}${causal ? ', causal' : ''}`,
  inputs: {
    q: f32(b, t, 2 * h * d),
    k: f32(b, t, 2 * h * d),
    v: f32(b, t, (h + 2) * e),
    ...(bias ? { bias } : {}),
  },
  attrs: {
    heads: h,
    scale: d ** -0.5,
    causal,
    columns: { q: [0, h * d], k: [h * d, 2 * h * d], v: [e, (h + 1) * e] },
  },
  expectation: { depth: 4, terms: t },
});
const backward = ({ expectation, ...rest }: OpCase): OpCase => {
  const { k } = rest.inputs;
  const terms = k.shape[2] * k.shape[3];
  return sdpa.withLogsumexp(sdpa.backwardOf({ ...rest, expectation: { ...expectation, terms } }));
};

export const attentionCases: Readonly<Record<string, readonly OpCase[]>> = {
  'attention.sdpa': [
    ...sdpa.cases,
    ...[40, 64, 80, 88, 128, 160].map((d) => attention([1, 2, 9, 11, d])),
    attention([1, 1, 10, 9, 512]),
    attention([2, 2, 70, 70, 8], 8, true),
    attention([1, 2, 17, 17, 10], 6, true, f32(17, 17)),
    attention([2, 3, 5, 130, 16], 16, false, f32(2, 1, 1, 130)),
    ...[1, 2, 4].map((t) => attention([2, 2, t, 67, 128])),
    attention([2, 3, 1, 5, 10], 7, false, f32(3, 1, 5)),
    attention([1, 1, 2, 3, 256]),
    attention([1, 2, 4, 4, 12], 12, true),
    hidden([2, 3]),
    hidden([9, 11]),
    hidden([17, 35]),
    attention([1, 1, 18, 40, 160]),
    attention([1, 1, 66, 35, 88], 72),
  ],
  'attention.tokens': [
    tokenAttention([2, 3, 2, 5, 12], true),
    tokenAttention([2, 3, 2, 5, 10], false, f32(3, 2, 5)),
    tokenAttention([1, 2, 19, 37, 40], true),
    tokenAttention([2, 2, 19, 19, 6], true, undefined, true),
    tokenAttention([2, 4, 9, 7, 16], false),
  ],
  'attention.packed': [
    packedAttention([2, 3, 19, 12, 12]),
    packedAttention([2, 3, 17, 10, 5], true),
    packedAttention([1, 2, 3, 40, 8], false, f32(2, 3, 3)),
    packedAttention([1, 2, 9, 88, 88]),
  ],
  'attention.sdpa_vjp': [
    ...sdpa.vjpCases,
    ...[
      attention([1, 2, 9, 11, 40]),
      attention([1, 2, 35, 37, 12], 6, false, f32(2, 35, 37)),
      attention([2, 1, 34, 34, 88], 88, true),
      attention([1, 1, 3, 9, 256]),
      hidden([17, 35]),
    ].map(backward),
  ],
};
