import type { Bench } from '@emu-ts/testing';
import sharp from 'sharp';
import { decodeImage, encodePng, preprocess, resizeBicubic, rgbImage } from '../src/index.js';

/** A 1280 × 720 picture with gradients and grain, as a photograph has. */
const photo = rgbImage(1280, 720);
for (let i = 0; i < photo.data.length; i++) {
  const [x, y] = [Math.floor(i / 3) % 1280, Math.floor(i / 3 / 1280)];
  photo.data[i] = (x / 8 + y / 12 + (Math.imul(i + 1, 2654435761) >>> 27)) & 255;
}
const raw = { width: photo.width, height: photo.height, channels: 3 as const };

/** Median times in milliseconds of pieces of work that take turns, so that a busy moment meets all of them. */
async function medians(...works: (() => unknown)[]): Promise<number[]> {
  const [warmup, runs] = [3, 21];
  const times: number[][] = works.map(() => []);
  for (let run = 0; run < warmup + runs; run++) {
    for (const [i, work] of works.entries()) {
      const start = performance.now();
      await work();
      if (run >= warmup) times[i].push(performance.now() - start);
    }
  }
  return times.map((list) => list.sort((a, b) => a - b)[runs >> 1]);
}

const bench = (name: string, work: () => unknown, peer: string, peerWork: () => unknown): Bench => ({
  name: `media.${name} 1280×720`,
  unit: 'ms',
  async run() {
    const [value, baseline] = await medians(work, peerWork);
    return { value, baseline: { name: peer, value: baseline } };
  },
});

const cubic = () =>
  sharp(photo.data, { raw }).resize(224, 224, { kernel: 'cubic', fit: 'fill' }).raw().toBuffer();
const png = encodePng(photo);

export const benches: Bench[] = [
  bench('resize', () => resizeBicubic(photo, 224, 224), 'sharp (cubic)', cubic),
  bench('preprocess', () => preprocess(photo, { size: 224 }), 'sharp (cubic resize alone)', cubic),
  bench(
    'decode PNG',
    async () => decodeImage(await png),
    'sharp',
    async () =>
      sharp(await png)
        .raw()
        .toBuffer(),
  ),
];
