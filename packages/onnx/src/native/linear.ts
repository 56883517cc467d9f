import type { NativeLowering } from '../lower/context.js';
import { isConcrete, product, type Size } from '../model/size.js';
import { onlyF32, widened } from './f32.js';

/**
 * Whether to compute the product the other way round: for 2 to 64 rows, fewer than outputs, and weights that do not
 * stay in the processor's cache (8 MB), where repacking them costs nothing.
 */
function fewRows(sizes: readonly Size[]): boolean {
  if (!isConcrete(sizes)) return false;
  const [rows, n, k] = sizes;
  return rows >= 2 && rows <= Math.min(64, n) && n * k >= 2 ** 21;
}

/**
 * x Wᵀ + b with the weight [n k] as an input. Gemm reads a transposed weight as fast as any. For a few rows it would
 * repack the whole weight, whereas W xᵀ packs only the small xᵀ and streams through W once: two to three times faster,
 * and faster than with the weight embedded and packed in advance.
 */
export const linear: NativeLowering = {
  op: 'nn.linear',
  becomes: 'Gemm',
  supports: (node) => onlyF32(node, ['x']),
  lower(context) {
    const { model, inputs, outputs } = context;
    const { x, weight, bias } = inputs;
    const [n, k] = weight.shape;
    const rows = product(x.shape.slice(0, -1));
    const flat = x.shape.length === 2 ? x.name : model.reshape(x.name, [rows, k]);
    const w = widened(context, 'weight');
    const b = bias ? [widened(context, 'bias')] : [];
    const product2d = fewRows([rows, n, k]) ? swapped() : model.emit('Gemm', [flat, w, ...b], { transB: 1 });
    return { y: x.shape.length === 2 ? product2d : model.reshape(product2d, outputs.y.shape) };

    function swapped(): string {
      const perm = { perm: [1, 0] };
      const columns = model.emit('MatMul', [w, model.emit('Transpose', [flat], perm)]); // [n rows]
      const y = model.emit('Transpose', [columns], perm);
      return bias ? model.emit('Add', [y, ...b]) : y;
    }
  },
};
