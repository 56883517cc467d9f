import { ShapeError } from '@emu-ts/base';
import { defineOp, dims, expectShape, formatType, reshape, type TensorType, transpose } from '@emu-ts/graph';
import { type AttentionAttrs, embeddingOp, sdpaOp } from '@emu-ts/nn';

/**
 * Attention whose bias is looked up by distance: to the score of query i and key j of head h, table[ids[i j] h] is added.
 * q [b t h d], k [b s h d], v [b s h e] as linear layers leave them, table [buckets h], ids i32 [t s]; out [b t h e].
 * This op stands in no model: the WebGPU planner puts it where a graph spreads a table over all pairs.
 */
export const relativeAttentionOp = defineOp({
  name: 'causal_transformer.attention',
  inputs: ['q', 'k', 'v', 'table', 'ids'],
  outputs: ['out', 'logsumexp'],
  infer({ q, k, v, table, ids }, attrs: AttentionAttrs) {
    const { out, logsumexp } = sdpaOp.infer(apart({ q, k, v }), attrs);
    const [b, h, t, e] = out.shape;
    expectShape('causal_transformer.attention', 'ids', ids, [t, k.shape[1]]);
    if (table.shape.length !== 2 || table.shape[1] !== h)
      throw new ShapeError(
        `causal_transformer.attention: 'table' must be [buckets ${h}], got ${formatType(table)}.`,
      );
    return { out: { ...out, shape: [b, t, h, e] }, logsumexp };
  },
  decompose({ q, k, v, table, ids }, attrs) {
    const [t, s] = ids.shape;
    const byPair = embeddingOp({ ids, weight: table }, { dtype: q.dtype }).y; // [t s h]
    const bias = reshape(transpose(byPair, [2, 0, 1]), [1, table.shape[1], t, s]);
    const heads = { q: transpose(q, turn), k: transpose(k, turn), v: transpose(v, turn) };
    const { out, logsumexp } = sdpaOp({ ...heads, bias }, attrs);
    return { out: transpose(out, turn), logsumexp };
  },
});

/** Tokens and heads change places. */
export const turn = [0, 2, 1, 3];

/** The types of [b t h d] as attention names them, heads first. */
export function apart<T extends TensorType>({ q, k, v }: { readonly q: T; readonly k: T; readonly v: T }) {
  const turned = (x: T): T => {
    const { b, t, h, d } = dims(x, 'b t h d');
    return { ...x, shape: [b, h, t, d] };
  };
  return { q: turned(q), k: turned(k), v: turned(v) };
}
