import type { AnyKernel } from '@emu-ts/webgpu/kernel';
import { geluKernel, quickGeluKernel, sigmoidKernel, siluKernel } from './activations/kernel.js';
import { conv2dKernel } from './conv2d/kernel.js';
import { embeddingKernel } from './embedding/kernel.js';
import { groupNormKernel } from './group-norm/kernel.js';
import { layerNormKernel } from './layer-norm/kernel.js';
import { linearFewKernel, linearNaiveKernel, linearTiledKernel } from './linear/kernel.js';
import { linearInt4Kernel, linearInt8Kernel } from './quantized-linear/kernel.js';
import { rmsNormKernel } from './rms-norm/kernel.js';
import { ropeKernel } from './rope/kernel.js';
import { sdpaRowKernel, sdpaTilesKernel } from './sdpa/kernel.js';
import { logSoftmaxKernel, softmaxKernel } from './softmax/kernel.js';

/**
 * WGSL kernels for the composites of nn, as data for `webgpu({ kernels: nnKernels })`. Ladders stand from the fastest rung
 * down: the first that supports a node runs it. No executor is imported here.
 */
export const nnKernels: readonly AnyKernel[] = [
  linearFewKernel,
  linearTiledKernel,
  linearNaiveKernel,
  linearInt4Kernel,
  linearInt8Kernel,
  sdpaRowKernel,
  sdpaTilesKernel,
  layerNormKernel,
  rmsNormKernel,
  groupNormKernel,
  softmaxKernel,
  logSoftmaxKernel,
  geluKernel,
  siluKernel,
  sigmoidKernel,
  quickGeluKernel,
  conv2dKernel,
  embeddingKernel,
  ropeKernel,
];
