import type { SchedulerConfig } from './config.js';
import { karrasSigmas, timestepOf } from './karras.js';
import { type LinearScheduler, linearScheduler, type StepCoefficients } from './linear.js';
import { cleanFrom, cumulativeAlphas, logSnr, sigmasOf } from './noise-schedule.js';
import { expectSteps, leading, linspace, roundHalfEven, trailing } from './timesteps.js';

const f32 = Math.fround;
/** Shorter runs take their last step with the first-order rule, which is the steadier one. */
const steadyEnd = 15;

/**
 * DPM-Solver++(2M), midpoint form ("DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models",
 * Lu et al., 2022, algorithm 2). It keeps the predicted data x₀ and steps in λ, half the log of the signal to noise
 * ratio; h and λ are f32 as in the reference, because differences of λ lose digits that the reference loses too.
 */
export function dpmSolverPlusPlus2M(config: SchedulerConfig, steps: number): LinearScheduler {
  expectSteps(steps, config.trainTimesteps);
  const alphas = cumulativeAlphas(config);
  const lambdas = logSnr(alphas);
  const visited = timestepsOf(config, steps, alphas);

  const coefficients = visited.map((timestep, i): StepCoefficients => {
    const target = visited[i + 1] ?? 0;
    const clean = cleanFrom(alphas[timestep], config.predictionType);
    const h = f32(lambdas[target] - lambdas[timestep]);
    const ofData = -Math.sqrt(alphas[target]) * f32(Math.expm1(-h));
    const firstOrder = i === 0 || (i === visited.length - 1 && visited.length < steadyEnd);
    // D₁ / 2 = (x₀ − x₀ of the last call) · h / (2 h₀), with h₀ the step before
    const bend = firstOrder ? 0 : h / (2 * f32(lambdas[timestep] - lambdas[visited[i - 1]]));
    return {
      timestep,
      inputScale: 1,
      kept: clean,
      clean,
      from: 'current',
      next: {
        sample: Math.sqrt((1 - alphas[target]) / (1 - alphas[timestep])),
        history: [ofData * (1 + bend), -ofData * bend],
      },
      remember: true,
    };
  });
  return linearScheduler(1, coefficients);
}

/** Unlike the other samplers this one also counts the step that ends at 0. Equal timesteps are visited once. */
function timestepsOf(config: SchedulerConfig, steps: number, alphas: Float32Array): number[] {
  const { trainTimesteps, timestepSpacing, karrasSigmas: karras } = config;
  const sigmas = sigmasOf(alphas);
  const spaced = () => {
    if (karras)
      return karrasSigmas(sigmas[sigmas.length - 1], sigmas[0], steps).map((sigma) =>
        timestepOf(sigma, sigmas),
      );
    if (timestepSpacing === 'trailing') return trailing(trainTimesteps, steps);
    if (timestepSpacing === 'linspace')
      return linspace(0, trainTimesteps - 1, steps + 1)
        .slice(1)
        .reverse();
    return leading(config, Math.floor(trainTimesteps / (steps + 1)), steps, steps);
  };
  return [...new Set(spaced().map(roundHalfEven))];
}
