export { type Conv2dOptions, type Conv2dTree, conv2d, conv2dParams } from './conv2d/conv2d.js';
export { conv2dOp } from './conv2d/op.js';
export { crossEntropyOp, crossEntropyVjpOp } from './cross-entropy/op.js';
export { type EmbeddingTree, embedding, embeddingParams } from './embedding/embedding.js';
export { embeddingOp } from './embedding/op.js';
export { gelu, geluOp } from './gelu/op.js';
export { groupNormOp } from './group-norm/op.js';
export { layerNormOp, layerNormVjpOp } from './layer-norm/op.js';
export {
  type LinearOptions,
  type LinearParams,
  type LinearTree,
  linear,
  linearParams,
} from './linear/linear.js';
export { linearOp } from './linear/op.js';
export { logSoftmax, logSoftmaxOp } from './log-softmax/op.js';
export { crossEntropy, meanSquaredError } from './losses.js';
export {
  groupNorm,
  groupNormParams,
  layerNorm,
  layerNormParams,
  type NormTree,
  type RmsNormTree,
  rmsNorm,
  rmsNormParams,
} from './norms.js';
export { groupSize, linearInt4Op, linearInt8Op, type QuantizedBits } from './quantized-linear/op.js';
export { type QuantizedWeight, quantizeLinear } from './quantized-linear/quantize.js';
export {
  type QuantizedLinearTree,
  quantizedLinear,
  quantizedLinearParams,
} from './quantized-linear/quantized-linear.js';
export { quickGelu, quickGeluOp } from './quick-gelu/op.js';
export { relu } from './relu.js';
export { rmsNormOp, rmsNormVjpOp } from './rms-norm/op.js';
export { ropeOp } from './rope/op.js';
export { type RopeTables, rope, ropeTable } from './rope/rope.js';
export { type AttentionOperands, attention, mergeHeads, splitHeads } from './sdpa/attention.js';
export { type AttentionAttrs, maskValue, sdpaOp, sdpaVjpOp } from './sdpa/op.js';
export { sigmoid, sigmoidOp } from './sigmoid/op.js';
export { silu, siluOp } from './silu/op.js';
export { softmax, softmaxOp, softmaxVjpOp } from './softmax/op.js';
export { stopGradient, stopGradientOp } from './stop-gradient/op.js';
export { upsampleNearest, upsampleNearestOp } from './upsample-nearest/op.js';
