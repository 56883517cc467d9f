import type { NativeLowering } from '../lower/context.js';
import { gelu, logSoftmax, quickGelu, sigmoid, silu, softmax } from './activations.js';
import { conv2d, embeddedConv2d } from './conv2d.js';
import { embedding } from './embedding.js';
import { linear } from './linear.js';
import { matmulTransposed } from './matmul-transposed.js';
import { groupNorm, layerNorm, rmsNorm } from './norms.js';
import { quantizedLinear } from './quantized-linear.js';
import { rope } from './rope.js';
import { attention, blockedAttention } from './sdpa.js';
import { sumOfSquares } from './sum-of-squares.js';
import { upsampleNearest } from './upsample-nearest.js';

/** Composites that are standard ONNX operators: what exported files use, so that any ONNX tool reads them. */
export const standardLowerings: readonly NativeLowering[] = [
  linear,
  layerNorm,
  groupNorm,
  gelu,
  quickGelu,
  silu,
  sigmoid,
  softmax,
  logSoftmax,
  attention,
  embedding,
  conv2d,
  upsampleNearest,
  sumOfSquares,
];

/** Every composite that ONNX Runtime has a better operator for, its own operators included. */
export const nativeLowerings: readonly NativeLowering[] = [
  blockedAttention,
  matmulTransposed,
  rmsNorm,
  rope,
  ...quantizedLinear('int8'),
  embeddedConv2d,
  ...standardLowerings,
];

export { embeddedConv2d } from './conv2d.js';
export { type QuantizedActivations, quantizedLinear } from './quantized-linear.js';
