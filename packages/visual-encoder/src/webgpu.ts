import type { AnyKernel } from '@emu-ts/webgpu/kernel';
import { patchEmbeddingKernels } from './patch-embedding/kernel.js';
import { qkvKernels } from './qkv/kernel.js';

/** WGSL kernels for EVA-CLIP, as data: `webgpu({ kernels: [...visualEncoderKernels, ...nnKernels] })`. */
export const visualEncoderKernels: readonly AnyKernel[] = [...patchEmbeddingKernels, ...qkvKernels];
