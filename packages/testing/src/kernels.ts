import { causalTransformerKernels } from '@emu-ts/causal-transformer/webgpu';
import { diffusionDecoderKernels } from '@emu-ts/diffusion-decoder/webgpu';
import { languageModelKernels } from '@emu-ts/language-model/webgpu';
import { nnKernels, nnRoundedKernels } from '@emu-ts/nn/webgpu';
import { trainingKernels } from '@emu-ts/training/webgpu';
import { visualEncoderKernels, visualEncoderRoundedKernels } from '@emu-ts/visual-encoder/webgpu';
import { roundedKernels } from '@emu-ts/webgpu';
import type { AnyKernel } from '@emu-ts/webgpu/kernel';

const components: readonly AnyKernel[] = [
  ...languageModelKernels,
  ...visualEncoderKernels,
  ...causalTransformerKernels,
  ...diffusionDecoderKernels,
  ...trainingKernels,
];

/** The WGSL kernels of all packages, as an app gives them to the executor. Imported late: `.wgsl` files need a loader. */
export const allKernels: readonly AnyKernel[] = [...components, ...nnKernels];

/** The same, with products whose operands are rounded where that is faster. */
export const allRoundedKernels: readonly AnyKernel[] = [
  ...visualEncoderRoundedKernels,
  ...components,
  ...nnRoundedKernels,
  ...nnKernels,
  ...roundedKernels,
];
