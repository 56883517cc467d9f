import { type HostTensor, tensor } from '@emu-ts/base';
import { Draws, drawRandomScene, drawScene, world } from '@emu-ts/data';
import { preprocessBatch, type RgbImage } from '@emu-ts/media';
import { patchTags, pictureTags, shapesOf, tagsOfPicture, writePatchTags, writePixelTags } from './tags.js';

export interface SeeingOptions {
  readonly seed: number;
  readonly split: 'train' | 'test';
  readonly batch: number;
  readonly imageSize: number;
  readonly patchSize: number;
  /** Share of pictures without colour, from which shapes are learnt by themselves. */
  readonly grey: number;
  /** Share of pictures with large objects on plain backgrounds, by number of the batch. Default none. */
  readonly easy?: ((index: number) => number) | undefined;
}

/** Batch number `index` of pictures and their tags. */
export async function seeingBatch(
  options: SeeingOptions,
  index: number,
): Promise<Record<string, HostTensor>> {
  const { seed, split, batch, imageSize, patchSize, grey, easy = () => 0 } = options;
  const everything = world({ split });
  const simple = world({ split, sizes: ['large'], style: { noise: 0, gradient: 0, outline: 0 } });
  const images: RgbImage[] = [];
  const grid = imageSize / patchSize;
  const patches = new Float32Array(batch * grid * grid * patchTags);
  const pixels = new Float32Array(batch * imageSize * imageSize);
  const pictures = new Float32Array(batch * pictureTags);
  for (let i = 0; i < batch; i++) {
    const draws = new Draws(seed, index * batch + i, purpose);
    const scene = drawRandomScene(draws, draws.chance(easy(index)) ? simple : everything);
    const image = drawScene(scene, imageSize);
    const coloured = !draws.chance(grey);
    const telling = { coloured, reserved: split === 'train' };
    images.push(coloured ? image : withoutColour(image, draws));
    const cells = grid * grid * patchTags;
    writePatchTags(patches.subarray(i * cells, (i + 1) * cells), scene, telling, grid);
    const area = imageSize * imageSize;
    writePixelTags(pixels.subarray(i * area, (i + 1) * area), scene, imageSize, patchSize);
    pictures.set(tagsOfPicture(scene, telling), i * pictureTags);
  }
  return {
    images: (await preprocessBatch(images, { size: imageSize })) as HostTensor,
    patch_tags: tensor('f32', [batch, grid * grid * patchTags], patches),
    pixel_tags: tensor('f32', [batch, imageSize * imageSize], pixels),
    picture_tags: tensor('f32', [batch, pictureTags], pictures),
    patch_shapes: tensor(
      'i32',
      [batch, grid * grid],
      Int32Array.from(shapesOf(patches, patchTags, batch * grid * grid)),
    ),
  };
}

const purpose = 0x736565;

/** One channel's mix in all three, as it is or as a negative. */
function withoutColour({ width, height, data }: RgbImage, draws: Draws): RgbImage {
  const mix = [draws.range(), draws.range(), draws.range()];
  const sum = mix[0] + mix[1] + mix[2];
  const negative = draws.chance(0.3);
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const grey = (data[i] * mix[0] + data[i + 1] * mix[1] + data[i + 2] * mix[2]) / sum;
    out.fill(negative ? 255 - grey : grey, i, i + 3);
  }
  return { width, height, data: out };
}
