import type { AnyKernel } from '@emu-ts/webgpu/kernel';
import { relativeAttentionKernels } from './relative-attention/kernel.js';

/** WGSL kernels for the causal transformer, as data: `webgpu({ kernels: [...causalTransformerKernels, ...nnKernels] })`. */
export const causalTransformerKernels: readonly AnyKernel[] = relativeAttentionKernels;
