import { linspace } from './timesteps.js';

const rho = 7;

/**
 * Noise levels evenly spaced in σ^(1/7), from the noisiest to the cleanest (Karras et al., "Elucidating the Design Space
 * of Diffusion-Based Generative Models", 2022, equation 5).
 */
export function karrasSigmas(noisiest: number, cleanest: number, steps: number): number[] {
  const [high, low] = [noisiest ** (1 / rho), cleanest ** (1 / rho)];
  return linspace(0, 1, steps).map((ramp) => (high + ramp * (low - high)) ** rho);
}

/** The timestep, between two integers, at which the training schedule `sigmas` (rising) has this noise level. */
export function timestepOf(sigma: number, sigmas: Float32Array): number {
  let below = 0;
  while (below < sigmas.length - 2 && Math.log(sigma) >= Math.fround(Math.log(sigmas[below + 1]))) below++;
  const [low, high] = [sigmas[below], sigmas[below + 1]].map((s) => Math.fround(Math.log(s)));
  const share = Math.min(1, Math.max(0, (Math.log(sigma) - low) / (high - low)));
  return below + share;
}
