export * from './causal-transformer.js';
export { type ConformanceCheck, expectRejection, expectThat } from './check.js';
export { type ImageDecoderSubject, imageDecoderChecks } from './image-decoder.js';
export * from './language-model.js';
export * from './regression-head.js';
export { safetyCheckerChecks } from './safety-checker.js';
export { schedulerChecks } from './scheduler.js';
export * from './visual-encoder.js';
