export * from './embedding-loop.js';
export * from './loss.js';
export * from './model.js';
export * from './regression-head.js';
