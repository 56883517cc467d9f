import { sizeOf, tensor } from '@emu-ts/base';
import type { LoweringContext, NativeLowering, NodeView } from '../lower/context.js';
import { microsoft } from '../model/builder.js';
import { float } from '../model/protos.js';
import { isConcrete, type Size, times } from '../model/size.js';
import { onlyF32, widened } from './f32.js';

/** What a hidden key's score becomes, and the lowest bias; as in the op's decomposition. */
const maskValue = -1.7e38;

function inference(node: NodeView): true | string {
  if (node.used.has('logsumexp')) return 'logsumexp is read (training)';
  // Its gradient shares the softmax, when both are written out.
  if (node.shared.has('q')) return 'q is read elsewhere (training)';
  return onlyF32(node, ['q']);
}

/** Scores larger than this are worth the detour through an operator that never holds them all. */
const manyBytes = 64 * 2 ** 20;

/**
 * A blocked attention that never holds the whole score matrix: a tenth of the memory of the plain one, at its speed.
 * It takes [b t h·d]; the transposes to and fro cancel those of the model.
 */
export const blockedAttention: NativeLowering = {
  op: 'attention.sdpa',
  becomes: 'MultiHeadAttention',
  supports(node) {
    const { q, k, v, bias } = node.inputs;
    if (bias || node.attrs.causal) return 'blocked attention takes no mask';
    if (q.shape[3] !== v.shape[3]) return 'blocked attention wants values as wide as keys';
    const bytes = 4 * sizeOf(q.shape.slice(0, 3)) * k.shape[2];
    if (bytes < manyBytes) return `scores of ${(bytes / 2 ** 20).toFixed(1)} MiB are few enough`;
    return inference(node);
  },
  lower(context) {
    const { model, inputs, attrs, outputs } = context;
    const [b, h, t, e] = outputs.out.shape;
    const swap = { perm: [0, 2, 1, 3] };
    const merged = (name: string): string => {
      const [batch, heads, length, size] = inputs[name].shape;
      const rows = model.emit('Transpose', [widened(context, name)], swap);
      return model.reshape(rows, [batch, length, times(heads, size)]);
    };
    const out = model.emit(
      'MultiHeadAttention',
      [merged('q'), merged('k'), merged('v')],
      { num_heads: h as number, scale: float(attrs.scale as number) },
      { domain: microsoft },
    );
    return { out: model.emit('Transpose', [model.reshape(out, [b, t, h, e])], swap) };
  },
};

/** softmax(scale · q kᵀ + bias) v in standard operators; the softmax is one kernel. */
export const attention: NativeLowering = {
  op: 'attention.sdpa',
  becomes: 'Softmax',
  supports(node) {
    if (node.dynamic && node.attrs.causal) return 'a causal mask of a named axis';
    return inference(node);
  },
  lower(context) {
    const { model, inputs, attrs } = context;
    const { q, k, bias } = inputs;
    const keys = model.emit('Transpose', [widened(context, 'k')], { perm: [0, 1, 3, 2] });
    const product = model.emit('MatMul', [q.name, keys]); // [b h t s]
    const scores = model.emit('Mul', [product, model.scalar('f32', attrs.scale as number)]);
    const floored = bias && model.emit('Max', [widened(context, 'bias'), model.scalar('f32', maskValue)]);
    const biased = floored ? model.emit('Add', [scores, floored]) : scores;
    const masked = attrs.causal ? hideFuture(context, biased, q.shape[2], k.shape[2]) : biased;
    const weights = model.emit('Softmax', [masked], { axis: -1 });
    return { out: model.emit('MatMul', [weights, widened(context, 'v')]) };
  },
};

function hideFuture({ model }: LoweringContext, scores: string, queries: Size, keys: Size): string {
  const shape = [queries, keys];
  if (!isConcrete(shape)) return scores;
  const [t, s] = shape;
  const future = Array.from({ length: t * s }, (_, i) => (i % s > Math.floor(i / s) ? 1 : 0));
  const hidden = model.constant(tensor('bool', [t, s], future));
  return model.emit('Where', [hidden, model.scalar('f32', maskValue), scores]);
}
