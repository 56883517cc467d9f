import { ShapeError } from '@emu-ts/base';
import { broadcastShapes, defineOp, formatType, matmul, swapLast, type TensorType } from '@emu-ts/graph';

/**
 * Products as gradients ask for them, without a transposed copy: aᵀ b for a [… k m], b [… k n], or a bᵀ for a [… m k],
 * b [… n k]; leading axes broadcast. These ops stand in no model: the WebGPU planner puts them where a graph transposes an
 * operand of a product.
 */
export type Transposed = { readonly which: 'a' | 'b' };

export const matmulTransposedOp = defineOp({
  name: 'nn.matmul_transposed',
  inputs: ['a', 'b'],
  outputs: ['y'],
  infer({ a, b }, { which }: Transposed) {
    const [m, k] = which === 'a' ? a.shape.slice(-2).reverse() : a.shape.slice(-2);
    const [k2, n] = which === 'b' ? b.shape.slice(-2).reverse() : b.shape.slice(-2);
    if (a.dtype !== b.dtype || a.shape.length < 2 || b.shape.length < 2 || k !== k2)
      throw new ShapeError(
        `nn.matmul_transposed: ${formatType(a)} and ${formatType(b)} do not multiply with ${which} transposed.`,
      );
    const batch = ({ dtype, shape }: TensorType) => ({ dtype, shape: shape.slice(0, -2) });
    const leading = broadcastShapes('nn.matmul_transposed', batch(a), batch(b));
    return { y: { shape: [...leading, m, n], dtype: a.dtype } };
  },
  decompose: ({ a, b }, { which }) => ({
    y: which === 'a' ? matmul(swapLast(a), b) : matmul(a, swapLast(b)),
  }),
});

/** Whether a permutation exchanges the last two axes and nothing else. */
export const swapsLast = (permutation: readonly number[]): boolean => {
  const rank = permutation.length;
  return permutation.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
};
