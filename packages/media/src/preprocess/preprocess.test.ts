import { describe, expect, it } from 'vitest';
import { hashImage } from '../../test/fixtures.js';
import { resizeBicubic } from '../resize/resize.js';
import { rgbImage } from '../rgb-image.js';
import { CLIP_MEAN, CLIP_STD, preprocess, preprocessBatch } from './preprocess.js';

const flat = (value: number) => rgbImage(2, 2, new Uint8Array(12).fill(value));

/** Half a unit in the last place of the eighth decimal that the constants below are given with, and of f32. */
const near = (x: number) => 0.5e-8 + Math.abs(x) * 2 ** -24;

describe('preprocess', () => {
  it.each(['torchvision', 'pil'] as const)(
    'maps black and white to the reference constants (%s)',
    (arithmetic) => {
      const black = [-1.79226253, -1.75209713, -1.48021977];
      const white = [1.93033625, 2.07488384, 2.14589699];
      for (const [value, wanted] of [
        [0, black],
        [255, white],
      ] as const) {
        const { shape, data } = preprocess(flat(value), { size: 1, arithmetic });
        expect(shape).toEqual([3, 1, 1]);
        // torchvision rounds three times where pil rounds once: each rounding moves at most half a unit, the first two
        // divided by the deviation.
        const slack = arithmetic === 'pil' ? 0 : (2 ** -24 * 2) / Math.min(...CLIP_STD);
        for (const [c, x] of data.entries())
          expect(Math.abs(x - wanted[c])).toBeLessThanOrEqual(near(x) + slack);
      }
    },
  );

  it('squashes to the square and writes planes', () => {
    const image = hashImage(40, 25);
    const size = 6;
    const { data } = preprocess(image, {
      size,
      mean: [0, 0, 0],
      std: [1 / 255, 1 / 255, 1 / 255],
      arithmetic: 'pil',
    });
    const small = resizeBicubic(image, size, size).data;
    for (let c = 0; c < 3; c++) {
      for (let i = 0; i < size * size; i++)
        expect(Math.round(data[c * size * size + i])).toBe(small[i * 3 + c]);
    }
  });

  it('keeps the two arithmetics within a few units in the last place', () => {
    const image = hashImage(64, 64);
    const a = preprocess(image, { size: 64, arithmetic: 'torchvision' }).data;
    const b = preprocess(image, { size: 64, arithmetic: 'pil' }).data;
    const slack = (2 ** -24 * 2) / Math.min(...CLIP_STD);
    expect(a).not.toEqual(b);
    for (const [i, x] of a.entries())
      expect(Math.abs(x - b[i])).toBeLessThanOrEqual(slack + Math.abs(x) * 2 ** -23);
  });

  it('batches in order, reports progress and can be aborted', async () => {
    const images = [hashImage(9, 9, 3), hashImage(30, 4, 5), hashImage(5, 50, 7)];
    const seen: number[] = [];
    const batch = await preprocessBatch(images, { size: 8, onProgress: ({ loaded }) => seen.push(loaded) });
    expect(batch.shape).toEqual([3, 3, 8, 8]);
    images.forEach((image, i) => {
      expect(batch.data.subarray(i * 192, (i + 1) * 192)).toEqual(preprocess(image, { size: 8 }).data);
    });
    expect(seen).toEqual([1, 2, 3]);

    const controller = new AbortController();
    const onProgress = () => controller.abort();
    const aborted = preprocessBatch(images, { size: 8, signal: controller.signal, onProgress });
    await expect(aborted).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    await expect(preprocessBatch([], { size: 8 })).resolves.toMatchObject({ shape: [0, 3, 8, 8] });
  });

  it('refuses a size that makes no sense', () => {
    expect(() => preprocess(flat(0), { size: 0 })).toThrow(/got 0/);
    expect(() => preprocess(flat(0), { size: 4, arithmetic: 'f16' as 'pil' })).toThrow(
      /'torchvision' or 'pil', got "f16"/,
    );
    expect(CLIP_MEAN).toHaveLength(3);
  });
});
