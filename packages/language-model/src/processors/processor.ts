/**
 * Changes the scores of the next token before it is chosen: logits in sampling, log-probabilities in beam search.
 * Works in place on one row.
 *
 * @param scores `[vocabSize]`; −∞ forbids a token
 * @param ids what the row holds so far, the begin token first
 * @param prompt index of the prompt that the row continues
 */
export type LogitsProcessor = (scores: Float32Array, ids: readonly number[], prompt: number) => void;
