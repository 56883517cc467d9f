import type { AnyKernel } from '@emu-ts/webgpu/kernel';
import { samplerStepKernel } from './step/kernel.js';

/** WGSL kernels for the composites of the decoder, as data: `webgpu({ kernels: [...diffusionDecoderKernels, ...nnKernels] })`. */
export const diffusionDecoderKernels: readonly AnyKernel[] = [samplerStepKernel];
