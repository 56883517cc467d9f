import type { AnyKernel } from '@emu-ts/webgpu/kernel';
import { patchEmbeddingKernels, patchEmbeddingRoundedKernels } from './patch-embedding/kernel.js';
import { qkvKernels, qkvRoundedKernels } from './qkv/kernel.js';

/** WGSL kernels for EVA-CLIP, as data: `webgpu({ kernels: [...visualEncoderKernels, ...nnKernels] })`. */
export const visualEncoderKernels: readonly AnyKernel[] = [...patchEmbeddingKernels, ...qkvKernels];

/**
 * The same with operands rounded to f16 for matrix units, where there are some:
 * `webgpu({ kernels: [...visualEncoderRoundedKernels, ...visualEncoderKernels, ...nnRoundedKernels, ...nnKernels] })`.
 */
export const visualEncoderRoundedKernels: readonly AnyKernel[] = [
  ...patchEmbeddingRoundedKernels,
  ...qkvRoundedKernels,
];
