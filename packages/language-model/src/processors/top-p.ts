import { logSumExp } from '../log-softmax.js';
import type { LogitsProcessor } from './processor.js';

/**
 * Nucleus sampling (Holtzman et al., 2020): from the least likely token on, forbids all whose probabilities add up to
 * no more than 1 − p. The most likely token always stays, and so does every equal of the last one kept.
 */
export const topP =
  (p: number): LogitsProcessor =>
  (scores) => {
    const ascending = scores.filter((score) => score > Number.NEGATIVE_INFINITY).sort();
    const total = logSumExp(scores);
    let kept = 0;
    let cumulative = Math.exp(ascending[0] - total);
    while (cumulative <= 1 - p && kept < ascending.length - 1)
      cumulative += Math.exp(ascending[++kept] - total);
    for (let i = 0; i < scores.length; i++)
      if (scores[i] < ascending[kept]) scores[i] = Number.NEGATIVE_INFINITY;
  };
