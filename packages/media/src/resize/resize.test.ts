import { describe, expect, it } from 'vitest';
import { hashImage, pixels, resizes } from '../../test/fixtures.js';
import { rgbImage } from '../rgb-image.js';
import { type FilterName, filters } from './filters.js';
import { resize, resizeBicubic } from './resize.js';
import { computeTaps, PRECISION } from './taps.js';

const names = Object.keys(filters) as FilterName[];
const lines = [
  [1, 1],
  [1, 9],
  [9, 1],
  [17, 56],
  [300, 224],
  [224, 224],
  [1280, 224],
  [5000, 3],
] as const;

describe('resize', () => {
  const source = rgbImage(resizes.width, resizes.height, pixels(resizes.rgb));

  it.each(resizes.cases)(
    'equals Pillow bit for bit: $filter to $width × $height',
    ({ filter, width, height, rgb }) => {
      const image = resize(source, { width, height, filter: filter as FilterName });
      expect([image.width, image.height]).toEqual([width, height]);
      expect(image.data).toEqual(pixels(rgb));
    },
  );

  it.each(names)('%s keeps a constant picture constant', (filter) => {
    const flat = rgbImage(61, 43, new Uint8Array(61 * 43 * 3).fill(137));
    for (const [width, height] of [
      [7, 90],
      [200, 5],
      [61, 43],
    ]) {
      expect(new Set(resize(flat, { width, height, filter }).data)).toEqual(new Set([137]));
    }
  });

  it('copies when the size stays', () => {
    const image = hashImage(31, 17);
    const same = resizeBicubic(image, 31, 17);
    expect(same.data).toEqual(image.data);
    expect(same.data.buffer).not.toBe(image.data.buffer);
  });

  it('leaves its input alone', () => {
    const image = hashImage(40, 30);
    const before = image.data.slice();
    resizeBicubic(image, 9, 70);
    expect(image.data).toEqual(before);
  });

  it('computes any window of the result alone', () => {
    const image = hashImage(53, 41);
    for (const [width, height] of [
      [20, 66],
      [53, 41],
      [53, 12],
      [90, 41],
    ]) {
      const whole = resizeBicubic(image, width, height);
      const window = { left: 3, top: 5, width: 11, height: 7 };
      const part = resize(image, { width, height, window });
      for (let y = 0; y < 7; y++) {
        const row = whole.data.subarray(((y + 5) * width + 3) * 3, ((y + 5) * width + 14) * 3);
        expect(part.data.subarray(y * 33, y * 33 + 33)).toEqual(row);
      }
    }
  });

  it('refuses sizes and windows that make no sense', () => {
    const image = hashImage(4, 4);
    for (const width of [0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => resizeBicubic(image, width, 4)).toThrow(/whole, positive sides/);
    }
    const window = { left: 2, top: 0, width: 3, height: 4 };
    expect(() => resize(image, { width: 4, height: 4, window })).toThrow(
      /3 × 4 at \(2, 0\) does not lie in 4 × 4/,
    );
    expect(() => resizeBicubic({ ...image, data: new Uint8Array(5) }, 2, 2)).toThrow(/holds 48 bytes, got 5/);
  });
});

describe('taps', () => {
  it.each(names)('of %s sum to one and stay inside the line', (name) => {
    for (const [from, to] of lines) {
      const { stride, start, count, weights } = computeTaps(from, to, name);
      for (let i = 0; i < to; i++) {
        expect(start[i]).toBeGreaterThanOrEqual(0);
        expect(start[i] + count[i]).toBeLessThanOrEqual(from);
        const sum = weights.subarray(i * stride, (i + 1) * stride).reduce((a, b) => a + b, 0);
        // Each weight is rounded by at most half a unit of the last place.
        expect(Math.abs(sum - 2 ** PRECISION)).toBeLessThanOrEqual(count[i] / 2);
      }
    }
  });

  it('of a part are the same as of the whole', () => {
    const whole = computeTaps(100, 37, 'lanczos');
    const part = computeTaps(100, 37, 'lanczos', 30, 5);
    expect(part.start).toEqual(whole.start.subarray(30, 35));
    expect(part.weights).toEqual(whole.weights.subarray(30 * whole.stride, 35 * whole.stride));
  });

  it('of equal sizes are the identity', () => {
    for (const name of names) {
      const { stride, start, count, weights } = computeTaps(50, 50, name);
      for (let i = 0; i < 50; i++) {
        const row = [...weights.subarray(i * stride, i * stride + count[i])];
        expect(row[i - start[i]]).toBe(2 ** PRECISION);
        expect(row.filter((w) => w !== 0)).toHaveLength(1);
      }
    }
  });
});
