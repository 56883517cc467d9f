import { type HostTensor, tensor } from '@emu-ts/base';
import { colourNames, Draws, drawRandomScene, drawScene, type Scene, type World, world } from '@emu-ts/data';
import { preprocessBatch, type RgbImage } from '@emu-ts/media';
import {
  patchTags,
  pictureTags,
  slots,
  type Telling,
  tagsOfPicture,
  writePatchSlots,
  writePatchTags,
  writePixelTags,
} from './tags.js';

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
  /** Share of pictures with three or four objects in two colours. Default none. */
  readonly alike?: number | undefined;
}

/** Batch number `index`: pictures, and tags of their patches, pixels and embeddings. */
export async function seeingBatch(
  options: SeeingOptions,
  index: number,
): Promise<Record<string, HostTensor>> {
  const { batch, imageSize, patchSize } = options;
  const grid = imageSize / patchSize;
  const [cells, area] = [grid * grid * patchTags, imageSize * imageSize];
  const patches = new Float32Array(batch * cells);
  const pixels = new Float32Array(batch * area);
  const views = viewsOf(options, index);
  for (const [i, { scene, telling }] of views.entries()) {
    writePatchTags(patches.subarray(i * cells, (i + 1) * cells), scene, telling, grid);
    writePixelTags(pixels.subarray(i * area, (i + 1) * area), scene, imageSize, patchSize);
  }
  return {
    ...(await shown(views, imageSize)),
    patch_tags: tensor('f32', [batch, cells], patches),
    pixel_tags: tensor('f32', [batch, area], pixels),
  };
}

/** Batch number `index`: pictures, and tags of their embeddings alone. */
export const gatheringBatch = (
  options: Omit<SeeingOptions, 'patchSize'>,
  index: number,
): Promise<Record<string, HostTensor>> => shown(viewsOf(options, index), options.imageSize);

/** Batch number `index`: pictures, tags of their patches and embeddings, and which embedding each patch belongs to. */
export async function tracingBatch(
  options: Omit<SeeingOptions, 'easy'>,
  index: number,
): Promise<Record<string, HostTensor>> {
  const { batch, imageSize, patchSize } = options;
  const grid = imageSize / patchSize;
  const views = viewsOf(options, index);
  const table = (width: number, write: typeof writePatchTags) => {
    const out = new Float32Array(batch * grid * grid * width);
    const each = out.length / batch;
    for (const [i, { scene, telling }] of views.entries())
      write(out.subarray(i * each, (i + 1) * each), scene, telling, grid);
    return tensor('f32', [batch, grid * grid, width], out);
  };
  return {
    ...(await shown(views, imageSize)),
    patch_tags: table(patchTags, writePatchTags),
    patch_slots: table(slots, writePatchSlots),
  };
}

/** A picture, what is on it, and how much of that may be told. */
interface View {
  readonly scene: Scene;
  readonly image: RgbImage;
  readonly telling: Telling;
}

function viewsOf(options: Omit<SeeingOptions, 'patchSize'>, index: number): View[] {
  const { seed, split, batch, imageSize, grey, easy = () => 0, alike = 0 } = options;
  const everything = world({ split });
  const simple = world({ split, sizes: ['large'], style: { noise: 0, gradient: 0, outline: 0 } });
  return Array.from({ length: batch }, (_, i) => {
    const draws = new Draws(seed, index * batch + i, purpose);
    const scene = draws.chance(alike)
      ? drawRandomScene(draws, inTwoColours(draws, split))
      : drawRandomScene(draws, draws.chance(easy(index)) ? simple : everything);
    const drawn = drawScene(scene, imageSize);
    const coloured = !draws.chance(grey);
    const image = coloured ? drawn : withoutColour(drawn, draws);
    return { scene, image, telling: { coloured, reserved: split === 'train' } };
  });
}

/** Where colours alone do not tell objects apart. */
function inTwoColours(draws: Draws, split: SeeingOptions['split']): World {
  const colours = draws.shuffle(colourNames).slice(0, 2);
  return world({ split, colours, objects: [3, 4] });
}

async function shown(views: readonly View[], size: number): Promise<Record<string, HostTensor>> {
  const tags = Float32Array.from(views.flatMap(({ scene, telling }) => tagsOfPicture(scene, telling)));
  const images = views.map(({ image }) => image);
  return {
    images: (await preprocessBatch(images, { size })) as HostTensor,
    picture_tags: tensor('f32', [views.length, pictureTags], tags),
  };
}

const purpose = 0x736565;

/** One channel's mix in all three, as it is or as a negative. */
export function withoutColour({ width, height, data }: RgbImage, draws: Draws): RgbImage {
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
