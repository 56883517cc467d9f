export * from './image-decoder.js';
export * from './language-model.js';
export * from './regression-head.js';
export * from './safety-checker.js';
export * from './scheduler.js';
export * from './sequence-format.js';
export * from './tokenizer.js';
