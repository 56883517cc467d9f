export * from './average-pooling.js';
export * from './causal-transformer.js';
export * from './config.js';
export * from './model.js';
export { bucketOf, relativeBias } from './relative-bias.js';
