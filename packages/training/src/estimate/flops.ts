import { sizeOf } from '@emu-ts/base';
import type { Graph, Node } from '@emu-ts/graph';

/** Multiplications and additions of the matrix products and convolutions of an expanded graph. */
export const flopsOf = (graph: Graph): number => graph.nodes.reduce((sum, node) => sum + nodeFlops(node), 0);

function nodeFlops({ op, inputs, outputs }: Node): number {
  if (op.name === 'prim.matmul') {
    const { y } = outputs;
    return 2 * sizeOf(y.shape) * inputs.a.shape[inputs.a.shape.length - 1];
  }
  // Each of the three convolutions visits every output pixel once for every weight.
  const [dy, weight] =
    op.name === 'prim.conv2d'
      ? [outputs.y, inputs.weight]
      : op.name === 'prim.conv2d_input_grad'
        ? [inputs.dy, inputs.weight]
        : op.name === 'prim.conv2d_weight_grad'
          ? [inputs.dy, Object.values(outputs)[0]]
          : [];
  if (!dy || !weight) return 0;
  const [b, , h, w] = dy.shape;
  return 2 * b * h * w * sizeOf(weight.shape);
}
