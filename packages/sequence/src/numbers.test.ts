import { describe, expect, test } from 'vitest';
import { frameIndices, padLeft, padRight } from './index.js';

describe('frameIndices', () => {
  test.each([
    [1, '0 0 0 0 0 0 0 0'],
    [4, '0 0 1 1 2 2 2 3'],
    [8, '0 1 2 3 4 4 5 6'],
    [9, '0 1 2 3 4 5 6 7'],
    [16, '0 2 4 6 8 9 11 13'],
    [30, '1 5 8 12 15 19 23 26'],
    [100, '6 18 31 43 56 68 80 93'],
    [250, '15 46 77 108 139 171 202 233'],
    [301, '18 56 93 130 168 206 243 280'],
  ])('of %d frames', (count, indices) => {
    expect(frameIndices(count).join(' ')).toBe(indices);
  });

  test('stay inside the video for any number of segments', () => {
    for (let count = 1; count < 60; count++) {
      for (let segments = 1; segments < 12; segments++) {
        const indices = frameIndices(count, segments);
        expect(indices).toHaveLength(segments);
        expect(Math.min(...indices)).toBeGreaterThanOrEqual(0);
        expect(Math.max(...indices)).toBeLessThan(count);
        expect(indices).toEqual([...indices].sort((a, b) => a - b));
      }
    }
  });

  test.each([0, -1, 1.5, Number.NaN])('of %d frames is refused', (count) => {
    expect(() => frameIndices(count)).toThrow(expect.objectContaining({ code: 'SHAPE' }));
  });
});

describe('padding', () => {
  const rows = [[5, 6, 7], [8]];

  test('on the left, rows end together and positions count tokens', () => {
    const { ids, mask, positions } = padLeft(rows, 9);
    expect(ids.shape).toEqual([2, 3]);
    expect([...ids.data]).toEqual([5, 6, 7, 9, 9, 8]);
    expect([...mask.data]).toEqual([1, 1, 1, 0, 0, 1]);
    expect([...positions.data]).toEqual([0, 1, 2, 1, 1, 0]);
  });

  test('on the right, rows begin together and positions are columns', () => {
    const { ids, mask, positions } = padRight(rows, 9);
    expect([...ids.data]).toEqual([5, 6, 7, 8, 9, 9]);
    expect([...mask.data]).toEqual([1, 1, 1, 1, 0, 0]);
    expect([...positions.data]).toEqual([0, 1, 2, 0, 1, 2]);
  });

  test('a batch of nothing is refused', () => {
    expect(() => padLeft([], 0)).toThrow(expect.objectContaining({ code: 'SHAPE' }));
  });
});
