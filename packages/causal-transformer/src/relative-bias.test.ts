import { tensor } from '@emu-ts/base';
import { graphOf, input, interpret } from '@emu-ts/graph';
import { describe, expect, it } from 'vitest';
import { bucketOf, causalTransformer14B, relativeBias } from './index.js';

const buckets = (distances: readonly number[]) => distances.map((d) => bucketOf(d, causalTransformer14B));

describe('bucketOf', () => {
  it('is the reference for the distances of 32 queries', () => {
    const listed = [16, 16, 16, 17, 17, 18, 18, 18, 19, 19, 19, 20, 20, 20, 20, 21];
    expect(buckets(Array.from({ length: 32 }, (_, i) => i))).toEqual([
      ...Array.from({ length: 16 }, (_, i) => i),
      ...listed,
    ]);
  });

  it('grows without gaps up to the last bucket and stays there', () => {
    const far = buckets(Array.from({ length: 300 }, (_, i) => i));
    expect(new Set(far.slice(1).map((bucket, i) => bucket - far[i]))).toEqual(new Set([0, 1]));
    expect(far.indexOf(31)).toBeLessThan(128);
    expect(far.slice(128).every((bucket) => bucket === 31)).toBe(true);
  });

  it('gives positions ahead the bucket of one’s own', () => {
    expect(buckets([-1, -40, 0])).toEqual([0, 0, 0]);
  });

  it('begins a bucket on its edge: log(2)/log(4) · 16 is 8', () => {
    expect(bucketOf(32, { buckets: 32, maxDistance: 64 })).toBe(24);
  });
});

describe('relativeBias', () => {
  it('looks each pair up in the table of its head', () => {
    const config = { ...causalTransformer14B, heads: 2, buckets: 4, maxDistance: 8 };
    const weight = tensor('f32', [4, 2], [0, 100, 1, 101, 2, 102, 3, 103]);
    const bias = relativeBias({ weight: input('weight', weight) }, 3, config);
    const { y } = interpret(graphOf({ y: bias }), { weight });
    expect(y.shape).toEqual([1, 2, 3, 3]);
    // Distances 0, 1, 2 have buckets 0, 1, 2; positions ahead 0.
    expect([...y.data.subarray(0, 9)]).toEqual([0, 0, 0, 1, 0, 0, 2, 1, 0]);
    expect([...y.data.subarray(9)]).toEqual([100, 100, 100, 101, 100, 100, 102, 101, 100]);
  });
});
