import { topN } from '../top-n.js';
import type { LogitsProcessor } from './processor.js';

/** Forbids everything below the k-th largest score; equals of the k-th stay. */
export const topK =
  (k: number): LogitsProcessor =>
  (scores) => {
    if (k >= scores.length) return;
    const threshold = scores[topN(scores, k)[k - 1]];
    for (let i = 0; i < scores.length; i++) if (scores[i] < threshold) scores[i] = Number.NEGATIVE_INFINITY;
  };
