import type { LogitsProcessor } from './processor.js';

/** Forbids the end tokens while the row, begin token included, holds fewer than `length` ids. */
export const minLength =
  (length: number, end: readonly number[]): LogitsProcessor =>
  (scores, ids) => {
    if (ids.length < length) for (const token of end) scores[token] = Number.NEGATIVE_INFINITY;
  };
