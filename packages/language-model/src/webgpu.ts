import type { AnyKernel } from '@emu-ts/webgpu/kernel';
import { cachedAttentionKernel } from './cached-attention/kernel.js';
import { continuationsKernel } from './continuations/kernel.js';
import { decodeKernels } from './decode/kernels.js';
import { nextBeamsKernel } from './next-beams/kernel.js';
import { sampleKernel } from './sample/kernel.js';
import { spliceKernel } from './splice/kernel.js';

/** WGSL kernels for the composites of the language model, as data: `webgpu({ kernels: [...languageModelKernels, ...nnKernels] })`. */
export const languageModelKernels: readonly AnyKernel[] = [
  ...decodeKernels,
  cachedAttentionKernel,
  sampleKernel,
  continuationsKernel,
  nextBeamsKernel,
  spliceKernel,
];
