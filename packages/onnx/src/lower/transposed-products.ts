import {
  type AnyOp,
  broadcastShapes,
  defineOp,
  matmul,
  primitives,
  type Rule,
  reapply,
  swapLast,
  type Value,
} from '@emu-ts/graph';

/**
 * a bᵀ of stacked matrices, as scores of attention and gradients of its weights are. As a product and a transpose the runtime
 * would merge the transpose with the one that brings heads forward, and move the elements of keys and values twice: once
 * for this product and once more, one by one, for those that take them as they are. Its own product reads b by rows, and
 * does so faster.
 */
export const transposedProducts: Rule = (node, inputs) => {
  const { a, b } = inputs;
  return node.op === (primitives.matmul as AnyOp) && a.dtype === 'f32' && swapped(b)
    ? { y: matmulTransposedOp({ a, b: b.node.inputs.x }, { which: 'b' }).y }
    : reapply(node, inputs);
};

/** Whether a value is a stack of matrices with nothing but their rows and columns exchanged. */
function swapped({ node: { op, attrs } }: Value): boolean {
  if (op !== (primitives.transpose as AnyOp)) return false;
  const permutation = attrs.permutation as readonly number[];
  const rank = permutation.length;
  return rank > 2 && permutation.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
}

/** Named as the op that lowerings know. */
export const matmulTransposedOp = defineOp({
  name: 'nn.matmul_transposed',
  inputs: ['a', 'b'],
  outputs: ['y'],
  infer({ a, b }, _: { readonly which: 'b' }) {
    const leading = ({ dtype, shape }: typeof a) => ({ dtype, shape: shape.slice(0, -2) });
    const batch = broadcastShapes('nn.matmul_transposed', leading(a), leading(b));
    const [m, n] = [a, b].map(({ shape }) => shape[shape.length - 2]);
    return { y: { shape: [...batch, m, n], dtype: a.dtype } };
  },
  decompose: ({ a, b }) => ({ y: matmul(a, swapLast(b)) }),
});
