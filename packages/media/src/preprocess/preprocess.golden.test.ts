import { readFile } from 'node:fs/promises';
import { convert } from '@emu-ts/base';
import { difference, expectClose, goldens } from '@emu-ts/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeImage } from '../decode.js';
import type { RgbImage } from '../rgb-image.js';
import { clipPreprocess } from './clip.js';
import { parseClipConfig } from './clip-config.js';
import { preprocessBatch } from './preprocess.js';

/** The three goldens hold the pictures 0.png, 1.png … in order, as many as there are rows. */
describe('preprocessing equals the reference', async () => {
  const g = await goldens();
  const { image_size: size } = g.config.emu.vision_cfg as { image_size: number };
  let images: RgbImage[];

  beforeAll(async () => {
    const [count] = (await g.activations.read('preprocess.pixels')).shape;
    images = await Promise.all(
      Array.from({ length: count }, (_, i) => decodeImage(g.path('images', `${i}.png`))),
    );
  });

  it.each([
    ['preprocess.pixels', 'torchvision'],
    ['preprocess.pixels_pil', 'pil'],
  ] as const)('%s', async (name, arithmetic) => {
    const wanted = await g.activations.read(name);
    const got = await preprocessBatch(images, { size, arithmetic });
    // Three operations, each rounded once: equal pixels give equal numbers, a pixel one level off gives 0.0145.
    expectClose(name, got, convert(wanted, 'f32'), { depth: 3 });
  });

  it('safety.clip_input', async () => {
    const wanted = await g.activations.read('safety.clip_input');
    const config = parseClipConfig(
      JSON.parse(
        await readFile(g.path('checkpoint', 'feature_extractor', 'preprocessor_config.json'), 'utf8'),
      ),
    );
    expectClose('safety.clip_input', await clipPreprocess(images, config), wanted, { depth: 3 });
  });

  it('can fail: one level is seen', async () => {
    const wanted = await g.activations.read('preprocess.pixels');
    const off = { ...images[0], data: images[0].data.map((sample) => (sample < 255 ? sample + 1 : 254)) };
    const got = await preprocessBatch([off, ...images.slice(1)], { size });
    const { absolute, tolerance } = difference('off by one', got, convert(wanted, 'f32'), { depth: 3 });
    expect(absolute).toBeGreaterThan(tolerance);
  });
});
