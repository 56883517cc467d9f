import { type HostTensor, random, sizeOf, tensor } from '@emu-ts/base';
import {
  add,
  div,
  less,
  max,
  mean,
  min,
  mul,
  reshape,
  sub,
  type Value,
  where,
  zerosLike,
} from '@emu-ts/graph';
import { meanSquaredError } from '@emu-ts/nn';
import type { Params, ParamTree } from '@emu-ts/params';
import type { Objective } from '../step/types.js';

/** Noised latents [b c h w], timesteps as the batch has them and a condition [b n d] → a prediction [b c h w] */
export type NoisePredictor<T extends ParamTree> = (
  p: Params<T>,
  inputs: { readonly latents: Value; readonly timesteps: Value; readonly context: Value },
) => Value;

export interface DiffusionOptions {
  /** What is predicted. Default the noise. */
  readonly target?: 'epsilon' | 'v' | undefined;
  /**
   * Timesteps whose ratio of signal to noise is above this count less, as if all predicted the clean latents with weight
   * min(ratio, limit) (Hang et al., "Efficient Diffusion Training via Min-SNR Weighting Strategy", 2023, who take 5):
   * the last fine noise teaches little and costs much. Default: all count alike.
   */
  readonly snrLimit?: number | undefined;
}

/**
 * Teaches a UNet to take noise out of latents under a condition (Ho et al., "Denoising Diffusion Probabilistic Models",
 * 2020, equation 14): the squared error between the noise that was added and its prediction, or between v and its
 * prediction (Salimans & Ho, 2022).
 *
 * Batch: `latents` f32 [b c h w], in the UNet's scale; what `drawNoise` gives; `condition` f32 [b n d];
 * `null_condition` f32 [n d], what stands in for a dropped one (default zeros).
 */
export const diffusionObjective =
  <T extends ParamTree>(
    predict: NoisePredictor<T>,
    { target = 'epsilon', snrLimit }: DiffusionOptions = {},
  ): Objective<T> =>
  (p, { latents, noise, signal, sigma, timesteps, condition, dropped, null_condition }) => {
    const perImage = (x: Value) => reshape(x, [-1, 1, 1, 1]);
    const [clean, noisy] = [perImage(signal), perImage(sigma)];
    const empty = null_condition ?? zerosLike(condition);
    const context = dropped ? where(less(0, reshape(dropped, [-1, 1, 1])), empty, condition) : condition;
    const prediction = predict(p, {
      latents: add(mul(latents, clean), mul(noise, noisy)),
      timesteps,
      context,
    });
    const wanted = target === 'epsilon' ? noise : sub(mul(noise, clean), mul(latents, noisy));
    if (snrLimit === undefined) return { loss: meanSquaredError(prediction, wanted) };
    // Of an error in the noise, 1/ratio arrives in the clean latents, and of one in v the variance of the noise.
    const variance = mul(noisy, noisy);
    const ratio = div(mul(clean, clean), max(variance, 1e-8));
    const arriving = target === 'epsilon' ? div(1, max(ratio, 1e-8)) : variance;
    const weight = mul(min(ratio, snrLimit), arriving);
    const off = sub(prediction, wanted);
    return { loss: mean(mul(weight, mul(off, off))) };
  };

export interface NoiseOptions {
  /** [b c h w] of the latents. */
  readonly shape: readonly number[];
  /** ᾱ by timestep: the share of signal left. */
  readonly alphas: ArrayLike<number>;
  readonly seed: number;
  /** Number of the batch, so that every batch has noise of its own. */
  readonly index: number;
  /** How often the condition is dropped. Default 0.1. */
  readonly dropRate?: number | undefined;
  /** Timesteps as the predictor takes them. Default: the numbers themselves, f32 [b]. */
  readonly encode?: ((timesteps: readonly number[]) => HostTensor) | undefined;
}

/** The random part of a diffusion batch: noise, timesteps and which conditions are dropped. */
export function drawNoise(
  options: NoiseOptions,
): Record<'noise' | 'signal' | 'sigma' | 'timesteps' | 'dropped', HostTensor> {
  const { shape, alphas, seed, index, dropRate = 0.1, encode } = options;
  const [b] = shape;
  const size = sizeOf(shape);
  // Even, so that pairs of normal numbers never straddle two batches.
  const noise = random(seed, streams.noise).normal(size, index * (size + (size % 2)));
  const times = random(seed, streams.timesteps).uniform(b, index * b);
  const drops = random(seed, streams.dropped).uniform(b, index * b);
  const timesteps = Array.from(times, (u) => Math.floor(u * alphas.length));
  const vector = (values: ArrayLike<number>) => tensor('f32', [b], Float32Array.from(values));
  return {
    noise: tensor('f32', shape, noise.slice()),
    signal: vector(timesteps.map((t) => Math.sqrt(alphas[t]))),
    sigma: vector(timesteps.map((t) => Math.sqrt(1 - alphas[t]))),
    timesteps: encode?.(timesteps) ?? vector(timesteps),
    dropped: tensor(
      'i32',
      [b],
      Int32Array.from(drops, (u) => (u < dropRate ? 1 : 0)),
    ),
  };
}

/** Streams of one seed, apart from each other. */
const streams = { noise: 0x6e6f6973, timesteps: 0x74696d65, dropped: 0x64726f70 } as const;
