export * from './param.js';
