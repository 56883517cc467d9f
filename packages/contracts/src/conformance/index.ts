export * from './causal-transformer.js';
export { type ConformanceCheck, expectRejection, expectThat } from './check.js';
export * from './visual-encoder.js';
