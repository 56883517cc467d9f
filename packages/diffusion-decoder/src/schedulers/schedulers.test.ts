import { tensor } from '@emu-ts/base';
import { schedulerChecks } from '@emu-ts/contracts/conformance';
import { expectClose } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import {
  cumulativeAlphas,
  parseSchedulerConfig,
  type SchedulerConfig,
  type SchedulerName,
  schedulerNames,
  schedulerSet,
  schedulers,
  stableDiffusionSchedule,
  timestepSpacings,
} from './index.js';

const alphas = cumulativeAlphas(stableDiffusionSchedule);

describe('the noise schedule of Stable Diffusion', () => {
  it.each([
    [0, 0.99914998],
    [1, 0.99829602],
    [21, 0.98038065],
    [481, 0.30229545],
    [961, 0.00728172],
    [981, 0.0057755],
    [999, 0.0046601],
  ])('ᾱ[%i] is %d', (t, expected) => {
    expect(Math.abs(alphas[t] - expected)).toBeLessThanOrEqual(0.5e-8 + alphas[t] * 2 ** -24);
  });

  it('PNDM takes 51 calls for 50 steps and visits 961 twice', () => {
    const { timesteps } = schedulers.pndm(stableDiffusionSchedule, 50);
    expect(timesteps).toHaveLength(51);
    expect(timesteps.slice(0, 4)).toEqual([981, 961, 961, 941]);
    expect(timesteps.slice(-2)).toEqual([21, 1]);
  });
});

/**
 * Where the data is one single point x₀, the right model gives ε (or v) exactly and the flow from noise to data is a
 * straight line that every consistent sampler follows without error, whatever its order: x(t) = √ᾱ x₀ + √(1 − ᾱ) ε.
 */
describe.each(schedulerNames)('%s on a data set of one point', (name) => {
  const point = Float32Array.from([0.7, -1.3, 0.1]);
  const noise = Float32Array.from([-0.4, 0.9, 2]);
  const mix = (a: number, b: number) => point.map((x, i) => a * x + b * noise[i]);

  const settings = timestepSpacings.flatMap((timestepSpacing) =>
    (['epsilon', 'v_prediction'] as const).flatMap((predictionType) =>
      [false, true].flatMap((karrasSigmas) =>
        [1, 2, 3, 7, 16, 50].map((steps) => ({ timestepSpacing, predictionType, karrasSigmas, steps })),
      ),
    ),
  );

  // PNDM and DDIM step by a whole stride whatever the spacing, and PNDM averages v of several times before it makes ε of
  // it: the reference itself leaves the path there.
  const follows = ({ timestepSpacing, predictionType, steps }: (typeof settings)[number]) =>
    (timestepSpacing === 'leading' ||
      (timestepSpacing === 'trailing' && stableDiffusionSchedule.trainTimesteps % steps === 0)) &&
    !(name === 'pndm' && predictionType === 'v_prediction' && steps > 1);
  const exact = name === 'pndm' || name === 'ddim' ? settings.filter(follows) : settings;

  it.each(exact)('$timestepSpacing $predictionType karras $karrasSigmas in $steps steps', (setting) => {
    const config: SchedulerConfig = { ...stableDiffusionSchedule, ...setting };
    const scheduler = schedulers[name](config, setting.steps);
    const at = (t: number) => {
      const below = Math.floor(t);
      const [a, b] = [alphas[below], alphas[Math.min(below + 1, alphas.length - 1)]].map((alpha) =>
        Math.sqrt((1 - alpha) / alpha),
      );
      return 1 / (1 + (a + (b - a) * (t - below)) ** 2);
    };
    const variancePreserving = name !== 'euler';
    // Euler's Karras levels fall between timesteps in log σ: take ᾱ from the sampler's own scale instead.
    const alphaOf = (i: number) =>
      variancePreserving ? at(scheduler.timesteps[i]) : scheduler.coefficients[i].inputScale ** 2;

    const first = alphaOf(0);
    let sample: Float32Array<ArrayBufferLike> = mix(Math.sqrt(first), Math.sqrt(1 - first));
    if (!variancePreserving) sample = sample.map((x) => x / Math.sqrt(first));
    let state = scheduler.start();
    scheduler.timesteps.forEach((_, i) => {
      const alpha = alphaOf(i);
      const seen = scheduler.scaleInput(sample, i);
      // The exact prediction for what the model sees.
      const output = seen.map((x, e) => {
        const epsilon = (x - Math.sqrt(alpha) * point[e]) / Math.sqrt(1 - alpha);
        return config.predictionType === 'epsilon'
          ? epsilon
          : Math.sqrt(alpha) * epsilon - Math.sqrt(1 - alpha) * point[e];
      });
      const clean = scheduler.clean?.(i, { sample, output });
      expectClose(
        `${name} clean`,
        tensor('f32', [3], Float32Array.from(clean ?? [])),
        tensor('f32', [3], point),
        {
          terms: 4,
          depth: scheduler.timesteps.length,
          magnitude: 3 / alphas[alphas.length - 1] ** 0.5,
        },
      );
      ({ sample, state } = scheduler.step(i, { sample, output, state }));
    });

    const last = variancePreserving ? lastAlpha(name, scheduler.timesteps, setting.steps) : 1;
    const expected = mix(Math.sqrt(last), Math.sqrt(1 - last));
    // ε is divided out of the sample, so its rounding grows by what the clean end leaves of the noise.
    expectClose(name, tensor('f32', [3], Float32Array.from(sample)), tensor('f32', [3], expected), {
      terms: 4,
      depth: scheduler.timesteps.length,
      magnitude: 3 / Math.sqrt(alphas[alphas.length - 1]),
    });
  });
});

/** ᾱ at which a run ends. */
function lastAlpha(name: SchedulerName, timesteps: readonly number[], steps: number): number {
  if (name === 'dpmpp2m') return alphas[0];
  const end = timesteps[timesteps.length - 1] - Math.floor(stableDiffusionSchedule.trainTimesteps / steps);
  return alphas[Math.max(end, 0)];
}

describe('steps that cannot be taken', () => {
  it.each(schedulerNames)('%s', (name) => {
    for (const steps of [0, -1, 2.5, 1001, Number.NaN])
      expect(() => schedulers[name](stableDiffusionSchedule, steps)).toThrow(/steps must be an integer/);
    expect(() => schedulers[name](stableDiffusionSchedule, 1000)).toThrow(/do not fit/);
  });
});

describe('scheduler_config.json', () => {
  const released = {
    _class_name: 'PNDMScheduler',
    beta_end: 0.012,
    beta_schedule: 'scaled_linear',
    beta_start: 0.00085,
    num_train_timesteps: 1000,
    set_alpha_to_one: false,
    skip_prk_steps: true,
    steps_offset: 1,
    trained_betas: null,
    clip_sample: false,
  };

  it('reads the released file', () => {
    expect(parseSchedulerConfig(released)).toEqual({ name: 'pndm', config: stableDiffusionSchedule });
  });

  it('gives another sampler its own defaults', () => {
    expect(parseSchedulerConfig(released, 'dpmpp2m').config.timestepSpacing).toBe('linspace');
    expect(
      parseSchedulerConfig({ ...released, timestep_spacing: 'leading' }, 'dpmpp2m').config.timestepSpacing,
    ).toBe('leading');
  });

  it.each([
    [
      { beta_schedule: 'squaredcos_cap_v2' },
      /beta_schedule must be one of linear, scaled_linear, got "squaredcos_cap_v2"/,
    ],
    [{ prediction_type: 'sample' }, /prediction_type/],
    [{ skip_prk_steps: false }, /skip_prk_steps must be true to be supported, got false/],
    [{ skip_prk_steps: undefined }, /skip_prk_steps must be true to be supported, got missing/],
    [{ _class_name: 'DDIMScheduler', clip_sample: undefined }, /clip_sample must be false/],
    [{ _class_name: 'EulerDiscreteScheduler', final_sigmas_type: 'sigma_min' }, /final_sigmas_type/],
    [{ _class_name: 'KDPM2Scheduler' }, /KDPM2Scheduler/],
    [{ num_train_timesteps: 'many' }, /num_train_timesteps must be an integer, got "many"/],
    [{ trained_betas: [0.1] }, /trained_betas/],
  ])('refuses %o', (change, message) => {
    expect(() => parseSchedulerConfig({ ...released, ...change })).toThrow(message);
  });

  it('refuses what is no object', () => {
    for (const json of [null, 3, 'x', [], undefined])
      expect(() => parseSchedulerConfig(json)).toThrow(/must be a JSON object/);
  });
});

const set = schedulerSet({ _class_name: 'PNDMScheduler', skip_prk_steps: true, steps_offset: 1 });

describe.each(Object.keys(set.named))('%s keeps the scheduler contract', (name) => {
  for (const check of schedulerChecks(set.named[name])) it(check.name, check.run);
});
