export { Draws } from './draws.js';
export * from './shapes/index.js';
export * from './timeline/merge.js';
