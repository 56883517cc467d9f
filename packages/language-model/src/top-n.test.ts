import { random } from '@emu-ts/base';
import { expect, it } from 'vitest';
import { topN } from './top-n.js';

it('finds the largest scores in order, and the lower index among equals', () => {
  expect(topN(Float32Array.of(1, 3, 2, 3, Number.NEGATIVE_INFINITY), 3)).toEqual([1, 3, 2]);
  expect(topN(Float32Array.of(2, 1), 5)).toEqual([0, 1]);
  expect(topN(new Float32Array(4).fill(Number.NEGATIVE_INFINITY), 2)).toEqual([0, 1]);
});

it('agrees with sorting', () => {
  const scores = random(3).normal(1000);
  for (let i = 0; i < scores.length; i++) scores[i] = Math.round(scores[i] * 20); // many equals
  const sorted = [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
  for (const n of [1, 10, 400]) expect(topN(scores, n)).toEqual(sorted.slice(0, n));
});
