import type { LogitsProcessor } from './processor.js';

/**
 * Makes tokens that occurred less likely (Keskar et al., "CTRL", 2019, section 4.1): positive scores are divided by the
 * penalty, negative ones multiplied.
 */
export const repetitionPenalty = (penalty: number): LogitsProcessor => {
  const factor = Math.fround(penalty);
  return (scores, ids) => {
    for (const id of new Set(ids)) scores[id] = scores[id] < 0 ? scores[id] * factor : scores[id] / factor;
  };
};
