import { causalTransformerKernels } from '@emu-ts/causal-transformer/webgpu';
import { diffusionDecoderKernels } from '@emu-ts/diffusion-decoder/webgpu';
import { languageModelKernels } from '@emu-ts/language-model/webgpu';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { trainingKernels } from '@emu-ts/training/webgpu';
import { visualEncoderKernels } from '@emu-ts/visual-encoder/webgpu';
import type { AnyKernel } from '@emu-ts/webgpu/kernel';

/** The WGSL kernels of all packages, as an app gives them to the executor. Imported late: `.wgsl` files need a loader. */
export const allKernels: readonly AnyKernel[] = [
  ...languageModelKernels,
  ...visualEncoderKernels,
  ...causalTransformerKernels,
  ...diffusionDecoderKernels,
  ...trainingKernels,
  ...nnKernels,
];
