import { random } from '@emu-ts/base';
import { describe, expect, it } from 'vitest';
import { frameRanges } from './frame-ranges.js';

describe('frameRanges', () => {
  it('joins neighbours and nothing else while there is room', () => {
    expect(frameRanges([], 4)).toEqual([]);
    expect(frameRanges([3], 4)).toEqual([[3, 3]]);
    expect(frameRanges([0, 1, 2, 5, 7, 8], 4)).toEqual([
      [0, 2],
      [5, 5],
      [7, 8],
    ]);
  });

  it('bridges the smallest gaps when there are too many ranges', () => {
    expect(frameRanges([0, 10, 12, 30, 33], 3)).toEqual([
      [0, 0],
      [10, 12],
      [30, 33],
    ]);
    expect(frameRanges([0, 2, 4, 6], 2)).toEqual([[0, 6]]);
  });

  it('covers every index with few, separate, ascending ranges', () => {
    for (let seed = 0; seed < 300; seed++) {
      const draws = random(seed).bits(1 + (seed % 90));
      const indices = [...new Set(draws)].map((draw) => draw % 500).sort((a, b) => a - b);
      const unique = [...new Set(indices)];
      const ranges = frameRanges(unique, 32);
      expect(ranges.length).toBeLessThanOrEqual(32);
      for (const index of unique)
        expect(ranges.some(([from, to]) => from <= index && index <= to)).toBe(true);
      for (let i = 1; i < ranges.length; i++) expect(ranges[i][0]).toBeGreaterThan(ranges[i - 1][1]);
      expect(ranges.every(([from, to]) => unique.includes(from) && unique.includes(to))).toBe(true);
    }
  });
});
