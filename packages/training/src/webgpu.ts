import type { AnyKernel } from '@emu-ts/webgpu/kernel';
import { adamwKernel } from './adamw/kernel.js';
import { sumOfSquaresKernel } from './sum-of-squares/kernel.js';

/** WGSL kernels for updates, as data: `webgpu({ kernels: [...trainingKernels, ...nnKernels] })`. */
export const trainingKernels: readonly AnyKernel[] = [adamwKernel, sumOfSquaresKernel];
