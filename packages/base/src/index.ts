export * from './dtype.js';
export * from './error.js';
export * from './half.js';
export * from './philox.js';
export * from './progress.js';
export * from './runtime.js';
export * from './tensor.js';
export * from './text.js';
