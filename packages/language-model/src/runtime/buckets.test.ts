import { describe, expect, it } from 'vitest';
import { capacityFor, chunks } from './buckets.js';

describe('chunks', () => {
  it('rounds the last pass up to a power of two', () => {
    expect(chunks(700, 2048, 256)).toEqual([
      { used: 256, size: 256 },
      { used: 256, size: 256 },
      { used: 188, size: 256 },
    ]);
    expect(chunks(33, 2048, 256)).toEqual([{ used: 33, size: 64 }]);
    expect(chunks(1, 2048, 256)).toEqual([{ used: 1, size: 1 }]);
  });

  it('reads exactly what fits when there is no room for rounding', () => {
    expect(chunks(7, 7, 256)).toEqual([
      { used: 4, size: 4 },
      { used: 2, size: 2 },
      { used: 1, size: 1 },
    ]);
  });

  it('covers every length within its room', () => {
    for (let length = 1; length <= 40; length++) {
      for (const room of [length, length + 1, length + 7, 100]) {
        const plan = chunks(length, room, 16);
        expect(plan.reduce((n, { used }) => n + used, 0)).toBe(length);
        let at = 0;
        for (const { used, size } of plan) {
          expect(at + size).toBeLessThanOrEqual(room);
          expect(Number.isInteger(Math.log2(size)) && size <= 16).toBe(true);
          at += used;
        }
      }
    }
  });
});

describe('capacityFor', () => {
  it('rounds to few sizes, never below what is needed, never beyond the context', () => {
    const sizes = new Set<number>();
    for (let n = 1; n <= 2048; n++) {
      const capacity = capacityFor(n, 2048);
      expect(capacity).toBeGreaterThanOrEqual(n);
      expect(capacity).toBeLessThanOrEqual(Math.min(2048, Math.max(n + 32, 1.25 * n)));
      sizes.add(capacity);
    }
    expect(sizes.size).toBeLessThan(24);
    expect(capacityFor(2047, 2048)).toBe(2048);
    expect(capacityFor(30, 40)).toBe(32);
    expect(capacityFor(33, 40)).toBe(40);
  });
});
