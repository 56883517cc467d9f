export * from './bench.js';
