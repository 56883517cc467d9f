export { TokenizerError } from './error.js';
export type { Whitespace } from './special.js';
export { instructTokens, pretrainTokens, Tokenizer, type TokenizerOptions } from './tokenizer.js';
export { type TrainBpeOptions, trainBpe } from './train/train-bpe.js';
