import { type HostTensor, tensor } from '@emu-ts/base';
import { colourNames, Draws, drawRandomScene, drawScene, type Scene, type World, world } from '@emu-ts/data';
import { preprocessBatch, type RgbImage } from '@emu-ts/media';
import { inNamelessColours, withoutColour } from './colourless.js';
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
  /** Share of pictures in grey or in colours without a name, from which shapes are learnt by themselves. */
  readonly grey: number;
  /** Share of pictures with large objects on plain backgrounds, by number of the batch. Default none. */
  readonly easy?: ((index: number) => number) | undefined;
  /** Share of pictures with three or four objects in two colours. Default none. */
  readonly alike?: number | undefined;
}

/** Batch number `index`: pictures, tags of their patches, pixels and embeddings, and which embedding each patch belongs to. */
export async function seeingBatch(
  options: SeeingOptions,
  index: number,
): Promise<Record<string, HostTensor>> {
  const { imageSize, patchSize } = options;
  const grid = imageSize / patchSize;
  const views = viewsOf(options, index);
  /** A row for each patch of each picture. */
  const table = (width: number, write: (out: Float32Array, view: View) => void) => {
    const each = grid * grid * width;
    const out = new Float32Array(views.length * each);
    for (const [i, view] of views.entries()) write(out.subarray(i * each, (i + 1) * each), view);
    return tensor('f32', [views.length, grid * grid, width], out);
  };
  return {
    ...(await shown(views, imageSize)),
    patch_tags: table(patchTags, (out, { scene, telling }) => writePatchTags(out, scene, telling, grid)),
    patch_slots: table(slots, (out, { scene, telling }) => writePatchSlots(out, scene, telling, grid)),
    pixel_tags: table(patchSize * patchSize, (out, { scene }) =>
      writePixelTags(out, scene, imageSize, patchSize),
    ),
  };
}

/** A picture, what is on it, and how much of that may be told. */
interface View {
  readonly scene: Scene;
  readonly image: RgbImage;
  readonly telling: Telling;
}

function viewsOf(options: SeeingOptions, index: number): View[] {
  const { seed, split, batch, imageSize, grey, easy = () => 0, alike = 0 } = options;
  const everything = world({ split });
  const simple = world({ split, sizes: ['large'], style: { noise: 0, gradient: 0, outline: 0 } });
  return Array.from({ length: batch }, (_, i) => {
    const draws = new Draws(seed, index * batch + i, purpose);
    const scene = draws.chance(alike)
      ? drawRandomScene(draws, inTwoColours(draws, split))
      : drawRandomScene(draws, draws.chance(easy(index)) ? simple : everything);
    const coloured = !draws.chance(grey);
    const nameless = !coloured && draws.chance(0.5);
    const drawn = drawScene(nameless ? inNamelessColours(scene, draws) : scene, imageSize);
    const image = coloured || nameless ? drawn : withoutColour(drawn, draws);
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
