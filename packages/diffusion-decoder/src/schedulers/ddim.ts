import type { SchedulerConfig } from './config.js';
import { type LinearScheduler, linearScheduler, type StepCoefficients } from './linear.js';
import { cleanFrom, cumulativeAlphas } from './noise-schedule.js';
import { expectSteps, roundHalfEven, spacedTimesteps } from './timesteps.js';

/**
 * DDIM without added noise ("Denoising Diffusion Implicit Models", Song et al., 2020, equation 12 with σ = 0):
 * next = √ᾱ' x₀ + √(1 − ᾱ') ε, where x₀ = (x − √(1 − ᾱ) ε) / √ᾱ.
 */
export function ddim(config: SchedulerConfig, steps: number): LinearScheduler {
  expectSteps(steps, config.trainTimesteps);
  const alphas = cumulativeAlphas(config);
  const stride = Math.floor(config.trainTimesteps / steps);
  const alphaAt = (t: number) => (t >= 0 ? alphas[t] : config.setAlphaToOne ? 1 : alphas[0]);

  const coefficients = spacedTimesteps(config, steps)
    .map(roundHalfEven)
    .map((timestep): StepCoefficients => {
      const [alpha, target] = [alphaAt(timestep), alphaAt(timestep - stride)];
      const [signal, noise] = [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
      const [nextSignal, nextNoise] = [Math.sqrt(target), Math.sqrt(1 - target)];
      const next =
        config.predictionType === 'epsilon'
          ? { sample: nextSignal / signal, history: [nextNoise - (nextSignal * noise) / signal] }
          : // x₀ = √ᾱ x − √(1 − ᾱ) v and ε = √ᾱ v + √(1 − ᾱ) x
            {
              sample: nextSignal * signal + nextNoise * noise,
              history: [nextNoise * signal - nextSignal * noise],
            };
      return {
        timestep,
        inputScale: 1,
        kept: { sample: 0, output: 1 },
        clean: cleanFrom(alpha, config.predictionType),
        from: 'current',
        next,
        remember: true,
      };
    });
  return linearScheduler(1, coefficients);
}
