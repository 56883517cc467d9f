export * from './executor.js';
export * from './graph.js';
export * from './op.js';
export * from './primitives/index.js';
export * from './shape.js';
export * from './value.js';
