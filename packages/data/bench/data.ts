import type { Bench } from '@emu-ts/testing';
import sharp from 'sharp';
import {
  Draws,
  drawRandomScene,
  drawSample,
  drawScene,
  makeSample,
  parsePicture,
  type Scene,
  type SceneObject,
  world,
} from '../src/index.js';

const w = world();
const scenes = Array.from({ length: 200 }, (_, i) => drawRandomScene(new Draws(1, i), w));
const pictures = scenes.map((scene) => drawScene(scene));

/** Calls of the work per second, over all of the given number of items. */
async function perSecond(count: number, work: (i: number) => unknown): Promise<number> {
  for (let i = 0; i < count / 4; i++) await work(i);
  const start = performance.now();
  for (let i = 0; i < count; i++) await work(i);
  return (count * 1000) / (performance.now() - start);
}

/** The peer's picture of a scene: circles of the same places, sizes and colours on a plain ground. */
function svg({ objects, background }: Scene): Buffer {
  const circle = ({ x, y, radius, rgb }: SceneObject) =>
    `<circle cx="${x * 64}" cy="${y * 64}" r="${radius * 64}" fill="rgb(${rgb})"/>`;
  const ground = `<rect width="64" height="64" fill="rgb(${background.from})"/>`;
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">${ground}${objects.map(circle).join('')}</svg>`,
  );
}

export const benches: Bench[] = [
  {
    name: 'data.drawScene 64×64',
    unit: 'pictures/s',
    async run() {
      const baseline = await perSecond(200, (i) => sharp(svg(scenes[i])).raw().toBuffer());
      const value = await perSecond(2000, (i) => drawScene(scenes[i % scenes.length]));
      return { value, baseline: { name: 'sharp (SVG of circles)', value: baseline } };
    },
  },
  {
    name: 'data.makeSample and drawSample, all tasks',
    unit: 'samples/s',
    run: async () => ({
      value: await perSecond(500, (i) => drawSample(makeSample({ seed: 1, split: 'train' }, i))),
    }),
  },
  {
    name: 'data.parsePicture 64×64',
    unit: 'pictures/s',
    run: async () => ({ value: await perSecond(200, (i) => parsePicture(pictures[i])) }),
  },
];
