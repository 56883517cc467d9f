import type { LogitsProcessor } from './processor.js';

/** The tokens that may come next, given what the row holds, begin token first, and the index of its prompt. */
export type AllowedTokens = (ids: readonly number[], prompt: number) => Iterable<number>;

/** Forbids all but the allowed tokens. */
export const allowedTokens =
  (allowed: AllowedTokens): LogitsProcessor =>
  (scores, ids, prompt) => {
    const kept = Array.from(allowed(ids, prompt), (token) => [token, scores[token]] as const);
    scores.fill(Number.NEGATIVE_INFINITY);
    for (const [token, score] of kept) scores[token] = score;
  };
