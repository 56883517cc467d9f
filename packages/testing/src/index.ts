export type { Bench, BenchResult } from './bench.js';
export * from './describe-op.js';
export * from './differences.js';
export * from './executors.js';
export * from './goldens.js';
export * from './readme.js';
export * from './report.js';
export * from './tolerance.js';
