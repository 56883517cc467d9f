export * from './describe.js';
export * from './initialize.js';
export * from './load.js';
export { type CheckOptions, CheckpointMismatchError, checkSource, type Misfit } from './mismatch.js';
export * from './param.js';
export * from './placed.js';
export * from './program-cache.js';
export * from './source.js';
export * from './tensor-function.js';
