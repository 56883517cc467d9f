/**
 * The CLIP feature extractor of transformers 4.30, which feeds the safety checker: shortest side resized, centre
 * cropped, rescaled and normalised in f32.
 */
import { breathe, type CallOptions, type HostTensor } from '@emu-ts/base';
import { badArgument } from '../error.js';
import { resize } from '../resize/resize.js';
import { checkImage, type RgbImage, rgbImage } from '../rgb-image.js';
import type { ClipConfig } from './clip-config.js';
import { type Arithmetic, planes, tablesOf, writePlanes } from './normalise.js';

interface Size {
  readonly width: number;
  readonly height: number;
}

const { fround } = Math;

/** The longer side keeps the aspect ratio and is cut to a whole number. */
function resizedSize({ width, height }: Size, target: ClipConfig['resize']): Size {
  if (!target) return { width, height };
  if (!('shortestEdge' in target)) return target;
  const { shortestEdge } = target;
  const longest = Math.trunc((shortestEdge * Math.max(width, height)) / Math.min(width, height));
  return width <= height
    ? { width: shortestEdge, height: longest }
    : { width: longest, height: shortestEdge };
}

/**
 * Where the centre crop lies along one side: `[from, length)` of the picture lands at `to` of the crop. Odd remainders
 * go right and below when cutting, left and above when padding.
 */
function centre(side: number, crop: number): { from: number; to: number; length: number } {
  const from = Math.floor((side - crop) / 2);
  if (side >= crop) return { from, to: 0, length: crop };
  return { from: 0, to: Math.ceil((crop - side) / 2), length: side };
}

/** Resize and crop in one: pixels that the crop drops are never computed. */
function resizeAndCrop(image: RgbImage, config: ClipConfig): RgbImage {
  const full = resizedSize(checkImage(image), config.resize);
  const crop = config.crop ?? full;
  const x = centre(full.width, crop.width);
  const y = centre(full.height, crop.height);
  const window = { left: x.from, top: y.from, width: x.length, height: y.length };
  const part = resize(image, { ...full, filter: config.filter, window });
  if (x.length === crop.width && y.length === crop.height) return part;
  const padded = rgbImage(crop.width, crop.height);
  for (let row = 0; row < y.length; row++) {
    const line = part.data.subarray(row * x.length * 3, (row + 1) * x.length * 3);
    padded.data.set(line, ((y.to + row) * crop.width + x.to) * 3);
  }
  return padded;
}

const arithmeticOf =
  ({ rescale, normalise }: ClipConfig): Arithmetic =>
  (sample, mean, std) => {
    const x = rescale === undefined ? sample : fround(sample * rescale);
    return normalise ? fround(fround(x - fround(mean)) / fround(std)) : x;
  };

/**
 * Pictures as the safety checker sees them: `[n, 3, height, width]` of `config.crop`. Without a crop all pictures must
 * come out at one size, else `BAD_ARGUMENT`.
 */
export async function clipPreprocess(
  images: readonly RgbImage[],
  config: ClipConfig,
  { signal, onProgress }: CallOptions = {},
): Promise<HostTensor<'f32'>> {
  signal?.throwIfAborted();
  if (images.length === 0) throw badArgument('Got no pictures, wanted at least one.');
  const { mean, std } = config.normalise ?? { mean: [0, 0, 0], std: [1, 1, 1] };
  const tables = tablesOf(arithmeticOf(config), mean, std);
  let out: HostTensor<'f32'> | undefined;
  for (const [i, image] of images.entries()) {
    if (i > 0) await breathe(signal);
    const part = resizeAndCrop(image, config);
    out ??= planes(part.height, part.width, images.length);
    const [, , height, width] = out.shape;
    if (part.height !== height || part.width !== width) {
      throw badArgument(
        `Picture ${i} comes out at ${part.width} × ${part.height}, picture 0 at ${width} × ${height}.`,
        'Give the extractor a crop, or call it once per size.',
      );
    }
    writePlanes(part, tables, out.data, i * 3 * height * width);
    onProgress?.({ phase: 'preprocess', loaded: i + 1, total: images.length });
  }
  return out as HostTensor<'f32'>;
}
