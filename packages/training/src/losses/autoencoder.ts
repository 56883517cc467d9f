import { add, exp, max, mean, mul, neg, sub, type Value } from '@emu-ts/graph';
import { meanSquaredError } from '@emu-ts/nn';
import type { Params, ParamTree } from '@emu-ts/params';
import type { Objective } from '../step/types.js';

export interface AutoencoderParts<T extends ParamTree> {
  /** pixels [b 3 h w] → the posterior of their latents, both [b c h w] */
  encode(p: Params<T>, pixels: Value): { readonly mean: Value; readonly logvar: Value };
  /** latents [b c h w] → pixels [b 3 h w] */
  decode(p: Params<T>, latents: Value): Value;
}

export interface AutoencoderOptions {
  /**
   * Weight of the divergence per latent element; Rombach et al. (2022) use 1e-6. The run-time scalar `weight.kl` of a
   * batch takes its place.
   */
  readonly klWeight?: number | undefined;
  /** How pixels are compared. Default absolute differences, which keep edges sharper. */
  readonly reconstruction?: 'absolute' | 'squared' | undefined;
}

/**
 * A variational autoencoder (Kingma & Welling, 2013): pixels have to come back from a sample of their posterior, and the
 * posterior is held near N(0, 1): KL = ½ (μ² + σ² − 1 − ln σ²), averaged over elements.
 *
 * Batch: `images` f32 [b 3 h w] in −1 … 1, `noise` f32 [b c h w].
 */
export const autoencoderObjective =
  <T extends ParamTree>(
    { encode, decode }: AutoencoderParts<T>,
    { klWeight = 1e-6, reconstruction = 'absolute' }: AutoencoderOptions = {},
  ): Objective<T> =>
  (p, { images, noise, 'weight.kl': scheduled }) => {
    const { mean: mu, logvar } = encode(p, images);
    const latents = add(mu, mul(exp(mul(logvar, 0.5)), noise));
    const pixels = decode(p, latents);
    const off = sub(pixels, images);
    const distance =
      reconstruction === 'squared' ? meanSquaredError(pixels, images) : mean(max(off, neg(off)));
    const kl = mul(mean(sub(sub(add(mul(mu, mu), exp(logvar)), 1), logvar)), 0.5);
    return {
      loss: add(distance, mul(kl, scheduled ?? klWeight)),
      metrics: { reconstruction: distance, kl, latent_square: mean(mul(latents, latents)) },
    };
  };
