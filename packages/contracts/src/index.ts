export * from './sequence-format.js';
export * from './tokenizer.js';
