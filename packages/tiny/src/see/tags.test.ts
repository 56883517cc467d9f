import {
  colourNames,
  isHeldOutObject,
  type Scene,
  type SceneObject,
  shapeNames,
  sizeNames,
} from '@emu-ts/data';
import { describe, expect, it } from 'vitest';
import { vision } from '../model/config.js';
import { seeingBatch } from './data.js';
import {
  patchTags,
  pictureTags,
  shapeTags,
  slots,
  tagsOfEmbedding,
  tagsOfPicture,
  writePatchSlots,
  writePatchTags,
  writePixelTags,
} from './tags.js';

const object = (facts: Partial<SceneObject>): SceneObject => ({
  shape: 'circle',
  colour: 'red',
  size: 'large',
  x: 0.5,
  y: 0.5,
  radius: 0.16,
  rotation: 0,
  rgb: [255, 0, 0],
  ...facts,
});
const background = { from: [0, 0, 0], to: [0, 0, 0], angle: 0, noise: 0, noiseSeed: 0 } as const;
const scene = (...objects: SceneObject[]): Scene => ({ objects, background, antialias: false });

const told = { coloured: true, reserved: false };

describe('tags', () => {
  it('orders objects by what they are, not by where', () => {
    const blue = object({ colour: 'blue', x: 0.2 });
    const red = object({ x: 0.8 });
    expect(tagsOfPicture(scene(blue, red), told)).toEqual(tagsOfPicture(scene(red, blue), told));
    const moved = tagsOfPicture(scene({ ...blue, x: 0.8 }, { ...red, x: 0.2 }), told);
    const [from] = tagsOfEmbedding[0];
    expect(moved[from + 1]).toBe(1); // red comes first wherever it lies
    expect(moved).toHaveLength(pictureTags);
  });

  it('does not say the colours of a grey picture', () => {
    const tags = tagsOfPicture(scene(object({})), { ...told, coloured: false });
    expect(tags.slice(1, 9)).toEqual(new Array(8).fill(-1));
    expect(tags.slice(...shapeTags)[0]).toBe(1);
  });

  it('says nothing about combinations that training keeps back', () => {
    const from = shapeTags[0];
    for (const [c, colour] of colourNames.entries())
      for (const [s, shape] of shapeNames.entries())
        for (const size of sizeNames) {
          const thing = { colour, shape, size };
          if (isHeldOutObject(thing)) continue;
          const tags = tagsOfPicture(scene(object(thing)), { coloured: true, reserved: true });
          expect([tags[1 + c], tags[from + s]]).toEqual([1, 1]);
          shapeNames.forEach((other, i) => {
            if (other !== shape)
              expect(tags[from + i]).toBe(isHeldOutObject({ ...thing, shape: other }) ? -1 : 0);
          });
          colourNames.forEach((other, i) => {
            if (other !== colour)
              expect(tags[1 + i]).toBe(isHeldOutObject({ ...thing, colour: other }) ? -1 : 0);
          });
          const both = sizeNames.every((other) => !isHeldOutObject({ ...thing, size: other }));
          expect(tags.slice(from + 8, from + 10).includes(-1)).toBe(!both);
        }
  });

  it('marks patches and pixels that an object covers', () => {
    const patches = new Float32Array(64 * patchTags);
    writePatchTags(patches, scene(object({ x: 0.3, y: 0.3 })), told, 8);
    const covered = Array.from({ length: 64 }, (_, i) => patches[i * patchTags]);
    expect(covered[2 * 8 + 2]).toBe(1);
    expect(covered[7 * 8 + 7]).toBe(0);
    const shapesAt = (cell: number) =>
      Array.from(patches.slice(cell * patchTags + shapeTags[0], cell * patchTags + shapeTags[1]));
    expect(shapesAt(2 * 8 + 2)).toEqual(shapeNames.map((name) => (name === 'circle' ? 1 : 0)));
    expect(new Set(shapesAt(63))).toEqual(new Set([-1]));
    const pixels = new Float32Array(64 * 64);
    writePixelTags(pixels, scene(object({})), 64, 8);
    const area = pixels.reduce((sum, x) => sum + x, 0);
    expect(Math.abs(area / (Math.PI * (0.16 * 64) ** 2) - 1)).toBeLessThan(0.1);
  });

  it('says which embedding the object of a patch belongs to', () => {
    const out = new Float32Array(64 * slots);
    const blue = object({ colour: 'blue', x: 0.3, y: 0.3 });
    const red = object({ x: 0.7, y: 0.7 });
    writePatchSlots(out, scene(blue, red), told, 8);
    const slotOf = (row: number, column: number) =>
      Array.from(out.slice((row * 8 + column) * slots, (row * 8 + column + 1) * slots));
    expect(slotOf(5, 5)).toEqual([1, 0, 0, 0]); // red comes first
    expect(slotOf(2, 2)).toEqual([0, 1, 0, 0]);
    expect(slotOf(0, 7)).toEqual([-1, -1, -1, -1]);
    writePatchSlots(out, scene(blue, red), { ...told, coloured: false }, 8);
    expect(slotOf(2, 2)).toEqual([1, 0, 0, 0]); // of one colour and shape, the one on the left
  });

  it('comes out the same for the same number', async () => {
    const options = {
      seed: 5,
      split: 'train',
      batch: 4,
      imageSize: 64,
      patchSize: vision.patchSize,
      grey: 0.4,
    } as const;
    expect(await seeingBatch(options, 3)).toEqual(await seeingBatch(options, 3));
  });
});
