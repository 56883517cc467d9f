import type { AnyKernel } from '@emu-ts/webgpu/kernel';
import { geluKernel, quickGeluKernel, sigmoidKernel, siluKernel } from './activations/kernel.js';
import { conv2dKernel } from './conv2d/kernel.js';
import { embeddingKernel } from './embedding/kernel.js';
import { groupNormKernels } from './group-norm/kernel.js';
import { layerNormKernels } from './layer-norm/kernel.js';
import { linearKernels } from './linear/kernel.js';
import { linearInt4Kernels, linearInt8Kernels } from './quantized-linear/kernel.js';
import { rmsNormKernels } from './rms-norm/kernel.js';
import { ropeKernel } from './rope/kernel.js';
import { sdpaRowKernel, sdpaTilesKernel } from './sdpa/kernel.js';
import { logSoftmaxKernels, softmaxKernels } from './softmax/kernel.js';

/**
 * WGSL kernels for the composites of nn, as data for `webgpu({ kernels: nnKernels })`. Ladders stand from the fastest rung
 * down: the first that supports a node runs it. No executor is imported here.
 */
export const nnKernels: readonly AnyKernel[] = [
  ...linearKernels,
  ...linearInt4Kernels,
  ...linearInt8Kernels,
  sdpaRowKernel,
  sdpaTilesKernel,
  ...layerNormKernels,
  ...rmsNormKernels,
  ...groupNormKernels,
  ...softmaxKernels,
  ...logSoftmaxKernels,
  geluKernel,
  siluKernel,
  sigmoidKernel,
  quickGeluKernel,
  conv2dKernel,
  embeddingKernel,
  ropeKernel,
];
