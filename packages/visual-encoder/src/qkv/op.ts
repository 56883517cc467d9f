import { concat, defineOp, expectShape, zerosLike } from '@emu-ts/graph';
import { linearOp } from '@emu-ts/nn';

/**
 * Queries, keys and values in one linear layer whose keys have no bias: x [… k], weight [3c k], qBias and vBias [c] → [… 3c].
 * This op stands in no model: the WebGPU planner puts it where a block strings its biases together.
 */
export const qkvOp = defineOp({
  name: 'visual_encoder.qkv',
  inputs: ['x', 'weight', 'qBias', 'vBias'],
  outputs: ['y'],
  infer({ x, weight, qBias, vBias }, _: Record<string, never>) {
    const { y } = linearOp.infer({ x, weight }, {});
    const third = weight.shape[0] / 3;
    for (const [operand, bias] of Object.entries({ qBias, vBias }))
      expectShape('visual_encoder.qkv', operand, bias, [third]);
    return { y };
  },
  decompose({ x, weight, qBias, vBias }) {
    const bias = concat([qBias, zerosLike(qBias), vBias], 0);
    return { y: linearOp({ x, weight, bias }, {}).y };
  },
});
