import type { LogitsProcessor } from './processor.js';

/** Divides by the temperature: below 1 sharpens, above 1 flattens. */
export const temperature = (value: number): LogitsProcessor => {
  const divisor = Math.fround(value);
  return (scores) => {
    for (let i = 0; i < scores.length; i++) scores[i] /= divisor;
  };
};
