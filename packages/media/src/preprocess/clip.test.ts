import { describe, expect, it } from 'vitest';
import { hashImage } from '../../test/fixtures.js';
import { resizeBicubic } from '../resize/resize.js';
import { type RgbImage, rgbImage } from '../rgb-image.js';
import { clipPreprocess } from './clip.js';
import { parseClipConfig } from './clip-config.js';

/** No arithmetic: samples come out as they are. */
const bare = { do_rescale: false, do_normalize: false };

/** The crop by the book: pad with black to fit, then cut the middle. */
function slowCrop(image: RgbImage, width: number, height: number): number[] {
  const [padX, padY] = [Math.max(0, width - image.width), Math.max(0, height - image.height)];
  const left = Math.floor((image.width - width) / 2) + Math.ceil(padX / 2);
  const top = Math.floor((image.height - height) / 2) + Math.ceil(padY / 2);
  const out: number[] = [];
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const sx = x + left - Math.ceil(padX / 2);
        const sy = y + top - Math.ceil(padY / 2);
        const inside = sx >= 0 && sy >= 0 && sx < image.width && sy < image.height;
        out.push(inside ? image.data[(sy * image.width + sx) * 3 + c] : 0);
      }
    }
  }
  return out;
}

describe('clipPreprocess', () => {
  it.each([
    ['landscape', 61, 40],
    ['portrait', 33, 90],
    ['square', 28, 28],
    ['tiny', 3, 2],
  ])('resizes the shortest side and cuts the middle: %s', async (_, width, height) => {
    const image = hashImage(width, height);
    const config = parseClipConfig({ ...bare, size: 20, crop_size: 20 });
    const { shape, data } = await clipPreprocess([image], config);
    expect(shape).toEqual([1, 3, 20, 20]);
    const long = Math.trunc((20 * Math.max(width, height)) / Math.min(width, height));
    const whole = width <= height ? resizeBicubic(image, 20, long) : resizeBicubic(image, long, 20);
    expect([...data]).toEqual(slowCrop(whole, 20, 20));
  });

  it.each([
    [10, 20],
    [13, 20],
    [20, 13],
    [31, 8],
  ])('pads a picture smaller than the crop with black: %i × %i', async (width, height) => {
    const image = hashImage(width, height);
    const config = parseClipConfig({ ...bare, do_resize: false, crop_size: { width: 17, height: 18 } });
    const { data } = await clipPreprocess([image], config);
    expect([...data]).toEqual(slowCrop(image, 17, 18));
  });

  it('needs no memory for what the crop drops', async () => {
    // Resized whole, this would be 4,480,000 × 224 pixels: 3 GB.
    const strip = hashImage(20_000, 1);
    const { shape } = await clipPreprocess([strip], parseClipConfig({}));
    expect(shape).toEqual([1, 3, 224, 224]);
  });

  it('wants one size for all pictures', async () => {
    const config = parseClipConfig({ do_center_crop: false, size: 8 });
    await expect(clipPreprocess([hashImage(8, 8), hashImage(16, 8)], config)).rejects.toThrow(
      /Picture 1 comes out at 16 × 8, picture 0 at 8 × 8/,
    );
    await expect(clipPreprocess([], config)).rejects.toThrow(/Got no pictures/);
  });

  it('stops when aborted', async () => {
    const controller = new AbortController();
    const options = { signal: controller.signal, onProgress: () => controller.abort() };
    const images = [rgbImage(4, 4), rgbImage(4, 4)];
    await expect(clipPreprocess(images, parseClipConfig({}), options)).rejects.toThrow(
      expect.objectContaining({ name: 'AbortError' }),
    );
  });
});

describe('parseClipConfig', () => {
  it('reads the old form, the new form and nothing as the same', () => {
    const old = parseClipConfig({ size: 224, crop_size: 224, resample: 3 });
    const recent = parseClipConfig({
      size: { shortest_edge: 224 },
      crop_size: { height: 224, width: 224 },
      rescale_factor: 1 / 255,
    });
    expect(old).toEqual(recent);
    expect(parseClipConfig({})).toEqual(recent);
  });

  it.each([
    [{ resample: 0 }, /resample = 0, wanted 1 \(lanczos\)/],
    [{ size: { shortest_edge: 'x' } }, /size.shortest_edge = "x", wanted a whole/],
    [{ crop_size: { width: 3 } }, /crop_size.height/],
    [{ image_std: [1, 2] }, /image_std = \[1,2\], wanted three numbers/],
    [{ rescale_factor: '1' }, /rescale_factor = "1", wanted a number/],
    [7, /holds 7, wanted an object/],
  ])('names the field that is wrong: %j', (json, message) => {
    expect(() => parseClipConfig(json)).toThrow(message);
  });
});
