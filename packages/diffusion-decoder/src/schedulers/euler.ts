import type { SchedulerConfig } from './config.js';
import { karrasSigmas, timestepOf } from './karras.js';
import { type LinearScheduler, linearScheduler, type StepCoefficients } from './linear.js';
import { cumulativeAlphas, sigmasOf } from './noise-schedule.js';
import { expectSteps, spacedTimesteps } from './timesteps.js';

/**
 * Euler's method on the probability flow in σ (Karras et al., 2022, algorithm 2 without churn). The sample is
 * x₀ + σ ε, not scaled to unit variance; the model sees it divided by √(σ² + 1).
 */
export function euler(config: SchedulerConfig, steps: number): LinearScheduler {
  expectSteps(steps, config.trainTimesteps);
  const trained = sigmasOf(cumulativeAlphas(config));
  const spaced = spacedTimesteps(config, steps);
  const levels = spaced.map((t) => interpolate(trained, t));
  const sigmas = config.karrasSigmas ? karrasSigmas(levels[0], levels[steps - 1], steps) : levels;
  const timesteps = config.karrasSigmas ? sigmas.map((sigma) => timestepOf(sigma, trained)) : spaced;

  const rounded = Float32Array.from([...sigmas, 0]);
  const coefficients = timesteps.map((timestep, i): StepCoefficients => {
    const sigma = rounded[i];
    const move = Math.fround(rounded[i + 1] - sigma);
    const variance = sigma * sigma + 1;
    return {
      timestep,
      inputScale: 1 / Math.sqrt(variance),
      // ε; for v, ε = v / √(σ² + 1) + σ x / (σ² + 1)
      kept:
        config.predictionType === 'epsilon'
          ? { sample: 0, output: 1 }
          : { sample: sigma / variance, output: 1 / Math.sqrt(variance) },
      clean:
        config.predictionType === 'epsilon'
          ? { sample: 1, output: -sigma }
          : { sample: 1 / variance, output: -sigma / Math.sqrt(variance) },
      from: 'current',
      next: { sample: 1, history: [move] },
      remember: true,
    };
  });
  // Spacings that start at the noisiest timestep start from its σ; the others from the whole variance.
  const initialSigma =
    config.timestepSpacing === 'leading' ? Math.sqrt(rounded[0] * rounded[0] + 1) : rounded[0];
  return linearScheduler(initialSigma, coefficients);
}

/** A table read between its entries; beyond them, the last. */
function interpolate(table: Float32Array, at: number): number {
  const below = Math.min(Math.floor(at), table.length - 1);
  const above = Math.min(below + 1, table.length - 1);
  return table[below] + (table[above] - table[below]) * (at - below);
}
