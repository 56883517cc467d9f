import { EmuError } from '@emu-ts/base';
import { oneOf, readConfig } from '../config.js';

export const betaSchedules = ['linear', 'scaled_linear'] as const;
export const predictionTypes = ['epsilon', 'v_prediction'] as const;
export const timestepSpacings = ['leading', 'linspace', 'trailing'] as const;
export const schedulerNames = ['pndm', 'ddim', 'dpmpp2m', 'euler'] as const;

export type SchedulerName = (typeof schedulerNames)[number];

/** How the model was trained to be noisy, and how its thousand steps are thinned out. */
export interface SchedulerConfig {
  readonly trainTimesteps: number;
  readonly betaStart: number;
  readonly betaEnd: number;
  /** `linear` in β, or `scaled_linear`: linear in √β. */
  readonly betaSchedule: (typeof betaSchedules)[number];
  /** What the model predicts: the noise ε, or v = √ᾱ ε − √(1 − ᾱ) x₀. */
  readonly predictionType: (typeof predictionTypes)[number];
  /** Which timesteps are visited: Table 2 of "Common Diffusion Noise Schedules … are Flawed" (Lin et al., 2023). */
  readonly timestepSpacing: (typeof timestepSpacings)[number];
  /** Added to every timestep of `leading` spacing. */
  readonly stepsOffset: number;
  /** The last step ends at ᾱ = 1 instead of the ᾱ of timestep 0 (PNDM and DDIM). */
  readonly setAlphaToOne: boolean;
  /** Noise levels spaced as in Karras et al. 2022, equation 5 (DPM-Solver++ and Euler). */
  readonly karrasSigmas: boolean;
}

/** The noise schedule of Stable Diffusion 1.x and of Emu's decoder. */
export const stableDiffusionSchedule: SchedulerConfig = {
  trainTimesteps: 1000,
  betaStart: 0.00085,
  betaEnd: 0.012,
  betaSchedule: 'scaled_linear',
  predictionType: 'epsilon',
  timestepSpacing: 'leading',
  stepsOffset: 1,
  setAlphaToOne: false,
  karrasSigmas: false,
};

const classNames: Readonly<Record<string, SchedulerName>> = {
  PNDMScheduler: 'pndm',
  DDIMScheduler: 'ddim',
  DPMSolverMultistepScheduler: 'dpmpp2m',
  EulerDiscreteScheduler: 'euler',
};

/** What each sampler takes a missing field to be. */
const defaults: Readonly<Record<SchedulerName, Pick<SchedulerConfig, 'timestepSpacing' | 'setAlphaToOne'>>> =
  {
    pndm: { timestepSpacing: 'leading', setAlphaToOne: false },
    ddim: { timestepSpacing: 'leading', setAlphaToOne: true },
    dpmpp2m: { timestepSpacing: 'linspace', setAlphaToOne: false },
    euler: { timestepSpacing: 'linspace', setAlphaToOne: false },
  };

/** Options that only one class has: they bind where the file is of that class, and are not asked of another sampler. */
const fixedFields: Readonly<Record<SchedulerName, Readonly<Record<string, readonly unknown[]>>>> = {
  pndm: { skip_prk_steps: [true] },
  ddim: { clip_sample: [false], thresholding: [false], rescale_betas_zero_snr: [false] },
  dpmpp2m: {
    solver_order: [2],
    algorithm_type: ['dpmsolver++'],
    solver_type: ['midpoint'],
    thresholding: [false],
    lower_order_final: [true],
    use_lu_lambdas: [false],
    euler_at_final: [false],
    variance_type: [null],
    final_sigmas_type: ['sigma_min'],
    use_exponential_sigmas: [false],
    use_beta_sigmas: [false],
  },
  euler: {
    interpolation_type: ['linear'],
    rescale_betas_zero_snr: [false],
    final_sigmas_type: ['zero'],
    timestep_type: ['discrete'],
    use_exponential_sigmas: [false],
    use_beta_sigmas: [false],
  },
};

/** What a missing option of those means, where that is not what is supported. */
const meantWhenMissing: Readonly<Record<string, unknown>> = { skip_prk_steps: false, clip_sample: true };

export interface ParsedScheduler {
  readonly name: SchedulerName;
  readonly config: SchedulerConfig;
}

/**
 * Reads `scheduler_config.json`. With `as`, the same noise schedule under another sampler: what the file says of
 * spacing and offset stays, and what it leaves out takes that sampler's default.
 *
 * @throws EmuError `CONFIG` naming the field and the value that is not supported
 */
export function parseSchedulerConfig(json: unknown, as?: SchedulerName): ParsedScheduler {
  const field = readConfig('scheduler_config.json', json);
  const className = field.string('_class_name', 'PNDMScheduler');
  const own = classNames[className];
  if (!own)
    throw new EmuError('CONFIG', `scheduler_config.json: _class_name is ${JSON.stringify(className)}.`, {
      hint: `Supported are ${Object.keys(classNames).join(', ')}.`,
    });
  const name = as ?? own;
  if (name === own)
    for (const [option, allowed] of Object.entries(fixedFields[own]))
      field.fixed(option, allowed, meantWhenMissing[option]);
  field.fixed('trained_betas', [null]);
  return {
    name,
    config: {
      trainTimesteps: field.integer('num_train_timesteps', 1000),
      betaStart: field.number('beta_start', 0.0001),
      betaEnd: field.number('beta_end', 0.02),
      betaSchedule: oneOf(field, 'beta_schedule', betaSchedules, 'linear'),
      predictionType: oneOf(field, 'prediction_type', predictionTypes, 'epsilon'),
      timestepSpacing: oneOf(field, 'timestep_spacing', timestepSpacings, defaults[name].timestepSpacing),
      stepsOffset: field.integer('steps_offset', 0),
      setAlphaToOne: field.boolean('set_alpha_to_one', defaults[name].setAlphaToOne),
      karrasSigmas: field.boolean('use_karras_sigmas', false),
    },
  };
}
