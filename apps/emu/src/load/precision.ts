import { EmuError } from '@emu-ts/base';
import type { Executor } from '@emu-ts/graph';
import type { Capabilities, Tier, TierName } from '@emu-ts/webgpu';
import type { AnyKernel } from '@emu-ts/webgpu/kernel';

/**
 * How WebGPU multiplies. `exact` keeps operands as they are stored. `fast` rounds them to what a GPU's fast units take, where
 * a test showed that it has them: f16 on matrix units, else bytes for packed dot products in layers of int8 and int4. Sums
 * are f32 or exact either way, and other executors know no difference.
 */
export const precisions = ['exact', 'fast'] as const;
export type Precision = (typeof precisions)[number];

/** Throws `OPTION` where there is no such precision. */
export function precisionOf(text: string): Precision {
  const found = precisions.find((precision) => precision === text);
  if (found) return found;
  throw new EmuError('OPTION', `There is no precision '${text}'; there are ${precisions.join(', ')}.`);
}

/** The WGSL kernels of every package, in the order in which they are tried: those that refuse a device make way. */
export async function kernelsFor(precision: Precision): Promise<readonly AnyKernel[]> {
  const [gpu, nn, vision, language, causal, decoder, training] = await Promise.all([
    import('@emu-ts/webgpu'),
    import('@emu-ts/nn/webgpu'),
    import('@emu-ts/visual-encoder/webgpu'),
    import('@emu-ts/language-model/webgpu'),
    import('@emu-ts/causal-transformer/webgpu'),
    import('@emu-ts/diffusion-decoder/webgpu'),
    import('@emu-ts/training/webgpu'),
  ]);
  const components = [
    ...language.languageModelKernels,
    ...vision.visualEncoderKernels,
    ...causal.causalTransformerKernels,
    ...decoder.diffusionDecoderKernels,
    ...training.trainingKernels,
  ];
  if (precision === 'exact') return [...components, ...nn.nnKernels];
  return [
    ...vision.visualEncoderRoundedKernels,
    ...components,
    ...nn.nnRoundedKernels,
    ...nn.nnKernels,
    ...gpu.roundedKernels,
  ];
}

/** What `fast` does to operands, by the tier of a device that it takes. */
export const roundings: Readonly<Partial<Record<TierName, string>>> = {
  'subgroup-matrix': 'operands in f16 on matrix units',
  dp4a: 'operands of int8 and int4 layers in bytes',
};

/** The tiers that `fast` takes of an executor, and why not; none where there is no WebGPU. */
export const fastTiers = (executor: Executor): readonly Tier[] =>
  ((executor as { readonly capabilities?: Capabilities }).capabilities?.tiers ?? []).filter(
    ({ name }) => roundings[name],
  );
