export * from './decoder/diffusion-decoder.js';
export { conditionWidth, guide } from './decoder/graphs.js';
export { toRgb } from './decoder/images.js';
export type { DecodeDefaults } from './decoder/plan.js';
export * from './safety/index.js';
export * from './schedulers/index.js';
export * from './unet/index.js';
export * from './vae/index.js';
