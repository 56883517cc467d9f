export { type AllowedTokens, allowedTokens } from './allowed-tokens.js';
export { minLength } from './min-length.js';
export { noRepeatNgram } from './no-repeat-ngram.js';
export type { LogitsProcessor } from './processor.js';
export { repetitionPenalty } from './repetition-penalty.js';
export { temperature } from './temperature.js';
export { topK } from './top-k.js';
export { topP } from './top-p.js';
