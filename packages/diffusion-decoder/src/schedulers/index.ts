export * from './config.js';
export { ddim } from './ddim.js';
export { dpmSolverPlusPlus2M } from './dpm-solver.js';
export { euler } from './euler.js';
export * from './linear.js';
export { cumulativeAlphas } from './noise-schedule.js';
export { pndm } from './pndm.js';
export * from './set.js';
