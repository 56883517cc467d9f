import { EmuError } from '@emu-ts/base';
import type { SchedulerConfig } from './config.js';

/** Rounds halves to even, as NumPy does. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

export function expectSteps(steps: number, trainTimesteps: number): void {
  if (!Number.isInteger(steps) || steps < 1 || steps > trainTimesteps)
    throw new EmuError(
      'STEPS',
      `The number of steps must be an integer from 1 to ${trainTimesteps}, got ${steps}.`,
    );
}

/** `count` numbers from `first` to `last`; one number is `first`. */
export const linspace = (first: number, last: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + (count === 1 ? 0 : ((last - first) / (count - 1)) * i));

/**
 * The visited timesteps, from noisy to clean, not yet rounded for `linspace`: leading steps of a whole stride from 0
 * (plus the offset), a line from the last timestep to 0, or trailing steps of a stride from the last timestep.
 */
export function spacedTimesteps(config: SchedulerConfig, steps: number): number[] {
  const { trainTimesteps, timestepSpacing } = config;
  switch (timestepSpacing) {
    case 'leading':
      return leading(config, Math.floor(trainTimesteps / steps), steps - 1, steps);
    case 'linspace':
      return linspace(0, trainTimesteps - 1, steps).reverse();
    case 'trailing':
      return trailing(trainTimesteps, steps);
  }
}

/** `count` multiples of `stride`, from the `first`-th down, plus the offset. */
export function leading(
  { trainTimesteps, stepsOffset }: SchedulerConfig,
  stride: number,
  first: number,
  count: number,
): number[] {
  const out = Array.from({ length: count }, (_, i) => (first - i) * stride + stepsOffset);
  if (stride < 1 || out[0] >= trainTimesteps)
    throw new EmuError(
      'STEPS',
      `${count} steps with an offset of ${stepsOffset} do not fit into ${trainTimesteps} timesteps.`,
      { hint: 'Take fewer steps, or another spacing.' },
    );
  return out;
}

export const trailing = (trainTimesteps: number, steps: number): number[] =>
  Array.from({ length: steps }, (_, i) => roundHalfEven(trainTimesteps - (i * trainTimesteps) / steps) - 1);
