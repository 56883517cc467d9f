import { ShapeError } from '@emu-ts/base';
import { defineOp, formatType, reshape, slice, type TensorType, transpose, type Value } from '@emu-ts/graph';
import { type AttentionAttrs, sdpaOp } from '../sdpa/op.js';

/**
 * Attention between parts of projections, as one linear layer leaves queries, keys and values side by side: q [b t …],
 * k and v [b s …], as a rule one tensor; of each row the columns from … to are the heads. out [b t h e]. This op stands in
 * no model: the WebGPU planner puts it where a graph cuts a projection and transposes around attention.
 */
export type PackedAttention = AttentionAttrs & {
  readonly heads: number;
  readonly columns: Readonly<Record<'q' | 'k' | 'v', readonly [from: number, to: number]>>;
};

export const packedAttentionOp = defineOp({
  name: 'attention.packed',
  inputs: ['q', 'k', 'v', 'bias?'],
  outputs: ['out', 'logsumexp'],
  infer(types, attrs: PackedAttention) {
    const { out, logsumexp } = sdpaOp.infer(parts(types, attrs), attrs);
    const [b, h, t, e] = out.shape;
    return { out: { ...out, shape: [b, t, h, e] }, logsumexp };
  },
  decompose({ q, k, v, bias }, attrs) {
    const part = (x: Value, name: 'q' | 'k' | 'v') => {
      const [from, to] = attrs.columns[name];
      const [b, t] = x.shape;
      const own = reshape(slice(x, 2, from, to), [b, t, attrs.heads, (to - from) / attrs.heads]);
      return transpose(own, [0, 2, 1, 3]);
    };
    const operands = { q: part(q, 'q'), k: part(k, 'k'), v: part(v, 'v'), bias };
    const { out, logsumexp } = sdpaOp(operands, { scale: attrs.scale, causal: attrs.causal });
    return { out: transpose(out, [0, 2, 1, 3]), logsumexp };
  },
});

type Projections = { readonly q: TensorType; readonly k: TensorType; readonly v: TensorType };

/** The types of the parts as attention names them, heads first. */
export function parts<T extends Projections>(types: T, { heads, columns }: PackedAttention): T {
  const part = (name: 'q' | 'k' | 'v'): TensorType => {
    const x = types[name];
    const [from, to] = columns[name];
    const [b, t, width] = x.shape;
    if (x.shape.length !== 3 || from < 0 || to > width || (to - from) % heads !== 0)
      throw new ShapeError(
        `attention.packed: columns ${from} to ${to} of '${name}' ${formatType(x)} are not ${heads} heads.`,
      );
    return { ...x, shape: [b, heads, t, (to - from) / heads] };
  };
  return { ...types, q: part('q'), k: part('k'), v: part('v') };
}
