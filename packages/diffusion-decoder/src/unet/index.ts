export * from './config.js';
export * from './context.js';
export * from './params.js';
export * from './released.js';
export { encodeTimesteps, timestepEncoding } from './time-embedding.js';
export type { KeysValues } from './transformer.js';
export * from './unet.js';
