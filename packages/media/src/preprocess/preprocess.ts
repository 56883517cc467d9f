import { breathe, type CallOptions, type HostTensor } from '@emu-ts/base';
import { badArgument } from '../error.js';
import { resizeBicubic } from '../resize/resize.js';
import { isSize, type RgbImage } from '../rgb-image.js';
import { pil, planes, type Triple, tablesOf, torchvision, writePlanes } from './normalise.js';

/** Channel means and deviations of CLIP's training images, in units of full white. */
export const CLIP_MEAN: Triple = [0.48145466, 0.4578275, 0.40821073];
export const CLIP_STD: Triple = [0.26862954, 0.26130258, 0.27577711];

export interface PreprocessOptions {
  /** Side of the model's square input in pixels (`vision_cfg.image_size`; 224 at the released size). */
  readonly size: number;
  /** `CLIP_MEAN` by default. */
  readonly mean?: Triple | undefined;
  /** `CLIP_STD` by default. */
  readonly std?: Triple | undefined;
  /**
   * Rounding of `(sample / 255 − mean) / std`: `torchvision` (default) is the reference's image generation, f32 at
   * every step; `pil` its text inference and evaluation, f64 rounded once. They differ by a few units in the last place.
   */
  readonly arithmetic?: 'torchvision' | 'pil' | undefined;
}

const arithmetics = { torchvision, pil };

function prepare({ size, mean = CLIP_MEAN, std = CLIP_STD, arithmetic = 'torchvision' }: PreprocessOptions) {
  if (!isSize(size)) throw badArgument(`The model's image size is a whole, positive number, got ${size}.`);
  if (!(arithmetic in arithmetics)) {
    throw badArgument(`arithmetic is 'torchvision' or 'pil', got ${JSON.stringify(arithmetic)}.`);
  }
  return { size, tables: tablesOf(arithmetics[arithmetic], mean, std) };
}

/** One picture as model input `[3, size, size]`: squashed to the square (no crop) and normalised. */
export function preprocess(image: RgbImage, options: PreprocessOptions): HostTensor<'f32'> {
  const { size, tables } = prepare(options);
  const out = planes(size, size);
  writePlanes(resizeBicubic(image, size, size), tables, out.data);
  return out;
}

/** Pictures, frames or both as one input `[n, 3, size, size]`; the event loop turns between them. */
export async function preprocessBatch(
  images: readonly RgbImage[],
  options: PreprocessOptions & CallOptions,
): Promise<HostTensor<'f32'>> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const { size, tables } = prepare(options);
  const out = planes(size, size, images.length);
  for (let i = 0; i < images.length; i++) {
    if (i > 0) await breathe(signal);
    writePlanes(resizeBicubic(images[i], size, size), tables, out.data, i * 3 * size * size);
    onProgress?.({ phase: 'preprocess', loaded: i + 1, total: images.length });
  }
  return out;
}
