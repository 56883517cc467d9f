import type { LogitsProcessor } from './processor.js';

/** Forbids every token that would complete a run of n tokens seen before. */
export const noRepeatNgram =
  (n: number): LogitsProcessor =>
  (scores, ids) => {
    const tail = ids.length - (n - 1);
    if (tail < 0) return;
    for (let start = 0; start < tail; start++) {
      let same = 0;
      while (same < n - 1 && ids[start + same] === ids[tail + same]) same++;
      if (same === n - 1) scores[ids[start + n - 1]] = Number.NEGATIVE_INFINITY;
    }
  };
