import type { SchedulerFactory } from '@emu-ts/contracts';
import { parseSchedulerConfig, type SchedulerConfig, type SchedulerName, schedulerNames } from './config.js';
import { ddim } from './ddim.js';
import { dpmSolverPlusPlus2M } from './dpm-solver.js';
import { euler } from './euler.js';
import type { LinearScheduler } from './linear.js';
import { pndm } from './pndm.js';

/** Every sampler by name. */
export const schedulers = {
  pndm,
  ddim,
  dpmpp2m: dpmSolverPlusPlus2M,
  euler,
} satisfies Record<SchedulerName, (config: SchedulerConfig, steps: number) => LinearScheduler>;

/** Ways of sampling that a caller may choose from by name. */
export interface SchedulerSet {
  /** The name used unless another is asked for. */
  readonly default: string;
  readonly named: Readonly<Record<string, SchedulerFactory>>;
}

/**
 * Everything that can be done with the noise schedule of a `scheduler_config.json`: the sampler it names, as the default,
 * and all others; `dpmpp2m_karras` and `euler_karras` space their noise levels as Karras et al. do.
 *
 * @throws EmuError `CONFIG` naming the field and the value that is not supported
 */
export function schedulerSet(json: unknown): SchedulerSet {
  const file = parseSchedulerConfig(json);
  const configs: [string, SchedulerName, SchedulerConfig][] = schedulerNames.map((name) => [
    name,
    name,
    parseSchedulerConfig(json, name).config,
  ]);
  for (const [, name, config] of [...configs])
    if (name === 'dpmpp2m' || name === 'euler')
      configs.push([`${name}_karras`, name, { ...config, karrasSigmas: true }]);
  return {
    default: file.name,
    named: Object.fromEntries(
      configs.map(([label, name, config]) => [label, (steps: number) => schedulers[name](config, steps)]),
    ),
  };
}
