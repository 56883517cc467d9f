export { type SafetyParams, type SafetyTree, safetyEmbeddings, safetyParams } from './clip.js';
export * from './config.js';
export * from './rule.js';
export * from './safety-checker.js';
