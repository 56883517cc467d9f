import type { AnyKernel } from '@emu-ts/webgpu/kernel';
import { geluKernel, quickGeluKernel, sigmoidKernel, siluKernel } from './activations/kernel.js';
import { columnSumKernel } from './column-sum/kernel.js';
import { conv2dKernel } from './conv2d/kernel.js';
import { conv2dFusedKernel } from './conv2d-fused/kernel.js';
import { crossEntropyKernels, crossEntropyVjpKernel } from './cross-entropy/kernel.js';
import { embeddingKernel, embeddingPartsKernel } from './embedding/kernel.js';
import { groupNormKernels } from './group-norm/kernel.js';
import { layerNormKernels, layerNormVjpKernels } from './layer-norm/kernel.js';
import { linearKernels } from './linear/kernel.js';
import { linearActivatedKernels } from './linear-activated/kernel.js';
import { linearGatedKernels } from './linear-gated/kernel.js';
import { linearNormKernels } from './linear-norm/kernel.js';
import { matmulTransposedKernels } from './matmul-transposed/kernel.js';
import { packedAttentionKernels } from './packed-attention/kernel.js';
import { linearInt4Kernels, linearInt8Kernels } from './quantized-linear/kernel.js';
import { residualNormKernels } from './residual-norm/kernel.js';
import { rmsNormKernels, rmsNormVjpKernels } from './rms-norm/kernel.js';
import { ropeKernel } from './rope/kernel.js';
import { sdpaKernels } from './sdpa/kernel.js';
import { sdpaVjpKernel } from './sdpa/vjp-kernel.js';
import { logSoftmaxKernels, softmaxKernels, softmaxVjpKernels } from './softmax/kernel.js';
import { tokenAttentionKernels } from './token-attention/kernel.js';

/**
 * WGSL kernels for the composites of nn, as data for `webgpu({ kernels: nnKernels })`. Ladders stand from the fastest rung
 * down: the first that supports a node runs it. No executor is imported here.
 */
export const nnKernels: readonly AnyKernel[] = [
  ...linearNormKernels,
  ...residualNormKernels,
  ...linearGatedKernels,
  ...linearActivatedKernels,
  conv2dFusedKernel,
  ...linearKernels,
  ...linearInt4Kernels,
  ...linearInt8Kernels,
  ...packedAttentionKernels,
  ...tokenAttentionKernels,
  ...sdpaKernels,
  sdpaVjpKernel,
  ...layerNormKernels,
  ...layerNormVjpKernels,
  ...rmsNormKernels,
  ...rmsNormVjpKernels,
  ...groupNormKernels,
  ...softmaxKernels,
  ...softmaxVjpKernels,
  ...logSoftmaxKernels,
  geluKernel,
  siluKernel,
  sigmoidKernel,
  quickGeluKernel,
  conv2dKernel,
  embeddingKernel,
  embeddingPartsKernel,
  ropeKernel,
  columnSumKernel,
  ...matmulTransposedKernels,
  ...crossEntropyKernels,
  crossEntropyVjpKernel,
];

/** For packages whose fused ops are products or attention with an end or operands of their own. */
export { floatProduct, floatRungs, operandWeight } from './linear/kernel.js';
export { type Epilogue, type Product, type ProductTypes, tiledRungs } from './linear/product.js';
export { nnRoundedKernels } from './linear-rounded/kernel.js';
export { attentionRungs, onlineSoftmax } from './sdpa/kernel.js';
export { onMatrixUnits } from './ways.js';
