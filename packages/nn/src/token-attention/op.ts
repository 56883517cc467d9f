import { defineOp, dims, type TensorType, transpose } from '@emu-ts/graph';
import { type AttentionAttrs, sdpaOp } from '../sdpa/op.js';

/**
 * Attention between heads that were never moved apart: q [b t h d] as a linear layer leaves it, out [b t h e] as the next
 * one reads it, and k, v as [b s h d] too (`tokens`) or as [b h s d]. This op stands in no model: the WebGPU planner puts it
 * where a graph transposes around attention.
 */
export type TokenAttention = AttentionAttrs & { readonly tokens: boolean };

/** Tokens and heads change places. */
const turn = [0, 2, 1, 3];

export const tokenAttentionOp = defineOp({
  name: 'attention.tokens',
  inputs: ['q', 'k', 'v', 'bias?'],
  outputs: ['out', 'logsumexp'],
  infer(types, attrs: TokenAttention) {
    const { out, logsumexp } = sdpaOp.infer(apart(types, attrs), attrs);
    return { out: turned(out), logsumexp };
  },
  decompose({ q, k, v, bias }, { tokens, ...attrs }) {
    const [keys, values] = tokens ? [transpose(k, turn), transpose(v, turn)] : [k, v];
    const { out, logsumexp } = sdpaOp({ q: transpose(q, turn), k: keys, v: values, bias }, attrs);
    return { out: transpose(out, turn), logsumexp };
  },
});

/** The types as attention names them, heads first. */
export function apart<T extends { readonly q: TensorType; readonly k: TensorType; readonly v: TensorType }>(
  types: T,
  { tokens }: TokenAttention,
): T {
  const [k, v] = tokens ? [turned(types.k), turned(types.v)] : [types.k, types.v];
  return { ...types, q: turned(types.q), k, v };
}

function turned<T extends TensorType>(x: T): T {
  const { b, t, h, d } = dims(x, 'b t h d');
  return { ...x, shape: [b, h, t, d] };
}

export const turns = (permutation: readonly number[]): boolean => permutation.join() === turn.join();
