import type { SchedulerConfig } from './config.js';
import { type LinearScheduler, linearScheduler, type StepCoefficients } from './linear.js';
import { cleanFrom, cumulativeAlphas } from './noise-schedule.js';
import { expectSteps, roundHalfEven, spacedTimesteps } from './timesteps.js';

/** Adams–Bashforth: what the last one to four predictions weigh. */
const adamsBashforth: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/**
 * PLMS, the linear multistep half of PNDM ("Pseudo Numerical Methods for Diffusion Models on Manifolds", Liu et al.,
 * 2022, equations 9 and 12), without the Runge–Kutta warm-up. The first step is taken twice, the second time with the
 * mean of the predictions at its two ends, so there is one model call more than there are steps.
 */
export function pndm(config: SchedulerConfig, steps: number): LinearScheduler {
  expectSteps(steps, config.trainTimesteps);
  const alphas = cumulativeAlphas(config);
  const stride = Math.floor(config.trainTimesteps / steps);
  const alphaAt = (t: number) => (t >= 0 ? alphas[t] : config.setAlphaToOne ? 1 : alphas[0]);
  const spaced = spacedTimesteps(config, steps).map(roundHalfEven);
  const visited = steps === 1 ? spaced : [spaced[0], spaced[1], ...spaced.slice(1)];

  const coefficients = visited.map((timestep, call): StepCoefficients => {
    const again = call === 1;
    const t = again ? timestep + stride : timestep;
    const [alpha, target] = [alphaAt(t), alphaAt(t - stride)];
    const weights = again ? [1 / 2, 1 / 2] : adamsBashforth[Math.min(call === 0 ? 0 : call - 1, 3)];
    return {
      timestep,
      inputScale: 1,
      kept: { sample: 0, output: 1 },
      clean: cleanFrom(alphaAt(timestep), config.predictionType),
      from: again ? 'previous' : 'current',
      next: transfer(alpha, target, weights, config.predictionType),
      remember: !again,
    };
  });
  return linearScheduler(1, coefficients);
}

/** Equation 9: from signal share `alpha` to `target` along the prediction Σ weights · history. */
function transfer(
  alpha: number,
  target: number,
  weights: readonly number[],
  predictionType: SchedulerConfig['predictionType'],
): StepCoefficients['next'] {
  const beta = 1 - alpha;
  const ofNoise = -(target - alpha) / (alpha * Math.sqrt(1 - target) + Math.sqrt(alpha * beta * target));
  const ofSample = Math.sqrt(target / alpha);
  if (predictionType === 'epsilon')
    return { sample: ofSample, history: weights.map((weight) => ofNoise * weight) };
  // ε = √ᾱ v + √(1 − ᾱ) x
  return {
    sample: ofSample + ofNoise * Math.sqrt(beta),
    history: weights.map((weight) => ofNoise * Math.sqrt(alpha) * weight),
  };
}
