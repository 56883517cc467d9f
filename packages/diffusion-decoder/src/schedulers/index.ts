import type { SchedulerFactory } from '@emu-ts/contracts';
import type { SchedulerConfig, SchedulerName } from './config.js';
import { ddim } from './ddim.js';
import { dpmSolverPlusPlus2M } from './dpm-solver.js';
import { euler } from './euler.js';
import type { LinearScheduler } from './linear.js';
import { pndm } from './pndm.js';

export * from './config.js';
export { ddim } from './ddim.js';
export { dpmSolverPlusPlus2M } from './dpm-solver.js';
export { euler } from './euler.js';
export * from './linear.js';
export * from './noise-schedule.js';
export { pndm } from './pndm.js';

/** Every sampler by name. */
export const schedulers = {
  pndm,
  ddim,
  dpmpp2m: dpmSolverPlusPlus2M,
  euler,
} satisfies Record<SchedulerName, (config: SchedulerConfig, steps: number) => LinearScheduler>;

/** A sampler of which only the number of steps is open. */
export const schedulerFactory =
  (name: SchedulerName, config: SchedulerConfig): SchedulerFactory =>
  (steps) =>
    schedulers[name](config, steps);
