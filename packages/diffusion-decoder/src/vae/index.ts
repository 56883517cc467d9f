export * from './config.js';
export { type VaeParams, type VaeTree, vaeParams } from './params.js';
export * from './vae.js';
