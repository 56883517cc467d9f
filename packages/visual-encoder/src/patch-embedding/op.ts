import { ShapeError } from '@emu-ts/base';
import {
  add,
  broadcast,
  type ConvGeometry,
  concat,
  defineOp,
  formatType,
  reshape,
  size,
  swapLast,
  type TensorType,
} from '@emu-ts/graph';
import { conv2dOp } from '@emu-ts/nn';

/**
 * Pictures x [b 3 h w] → tokens [b 1+patches c]: a token for the whole, then a linear map of every patch, each with its
 * position added. weight [c 3 kh kw] and its geometry are those of the convolution that cuts patches, bias [c], whole [c],
 * positions [1+patches c]. This op stands in no model: the WebGPU planner puts it where `embedPatches` stands.
 */
export const patchEmbeddingOp = defineOp({
  name: 'visual_encoder.patch_embedding',
  inputs: ['x', 'weight', 'bias?', 'whole', 'positions'],
  outputs: ['y'],
  infer({ x, weight, bias, whole, positions }, geometry: ConvGeometry) {
    const grid = conv2dOp.infer({ x, weight, bias }, geometry).y;
    const [b, c, rows, columns] = grid.shape;
    const tokens = 1 + rows * columns;
    expectElements('whole', whole, c, grid);
    expectElements('positions', positions, tokens * c, grid);
    return { y: { shape: [b, tokens, c], dtype: grid.dtype } };
  },
  decompose({ x, weight, bias, whole, positions }, geometry) {
    const grid = conv2dOp({ x, weight, bias }, geometry).y; // [b c rows columns]
    const [b, c] = grid.shape;
    const patches = swapLast(reshape(grid, [b, c, -1])); // [b patches c]
    const all = concat([broadcast(reshape(whole, [1, 1, c]), [b, 1, c]), patches], 1);
    return { y: add(all, reshape(positions, [1, -1, c])) };
  },
});

function expectElements(operand: string, x: TensorType, wanted: number, { dtype }: TensorType): void {
  if (size(x) !== wanted || x.dtype !== dtype)
    throw new ShapeError(
      `visual_encoder.patch_embedding: '${operand}' must hold ${wanted} elements of ${dtype}, got ${formatType(x)}.`,
    );
}
