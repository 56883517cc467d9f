/**
 * Pillow's resampling, bit for bit: a horizontal pass over the rows that are needed, rounded and clipped to 8 bits,
 * then a vertical pass, rounded and clipped again. A pass that would change nothing is left out.
 */
import { badArgument } from '../error.js';
import { checkImage, isSize, type RgbImage, rgbImage } from '../rgb-image.js';
import type { FilterName } from './filters.js';
import { computeTaps, PRECISION, type Taps } from './taps.js';

/** A rectangle of the resized picture. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface ResizeOptions {
  readonly width: number;
  readonly height: number;
  /** `bicubic` by default. */
  readonly filter?: FilterName | undefined;
  /** Computes this part of the result alone; all of it by default. */
  readonly window?: Window | undefined;
}

/** Resizes with antialiasing, aspect ratio not kept. Throws `BAD_ARGUMENT` for sizes that are not whole and positive. */
export function resize(image: RgbImage, options: ResizeOptions): RgbImage {
  const { width, height, filter = 'bicubic' } = options;
  const window = options.window ?? { left: 0, top: 0, width, height };
  checkImage(image);
  checkWindow(options, window);
  const across =
    width !== image.width || window.width !== width
      ? computeTaps(image.width, width, filter, window.left, window.width)
      : undefined;
  const down =
    height !== image.height || window.height !== height
      ? computeTaps(image.height, height, filter, window.top, window.height)
      : undefined;
  const firstRow = down ? down.start[0] : 0;
  const endRow = down ? down.start[window.height - 1] + down.count[window.height - 1] : image.height;
  const rows = image.data.subarray(firstRow * image.width * 3, endRow * image.width * 3);
  const narrowed = across ? resizeRows(rows, image.width, endRow - firstRow, across) : rows;
  const data = down ? resizeColumns(narrowed, window.width, firstRow, down) : narrowed;
  return rgbImage(window.width, window.height, data === rows ? data.slice() : data);
}

/** `resize` with the filter of the reference's preprocessing. */
export const resizeBicubic = (image: RgbImage, width: number, height: number): RgbImage =>
  resize(image, { width, height });

function checkWindow({ width, height }: ResizeOptions, window: Window): void {
  if (!isSize(width) || !isSize(height)) {
    throw badArgument(`A picture is resized to whole, positive sides, got ${width} × ${height}.`);
  }
  const { left, top } = window;
  const inside =
    isSize(window.width) &&
    isSize(window.height) &&
    Number.isSafeInteger(left) &&
    Number.isSafeInteger(top) &&
    left >= 0 &&
    top >= 0 &&
    left + window.width <= width &&
    top + window.height <= height;
  if (!inside) {
    throw badArgument(
      `The window ${window.width} × ${window.height} at (${left}, ${top}) does not lie in ${width} × ${height}.`,
    );
  }
}

/** Half of the last bit that is cut off, so that the shift rounds. Stores into a clamped array clip to 0 … 255. */
const HALF = 1 << (PRECISION - 1);

/** `[height, from, 3]` → `[height, to, 3]`. */
function resizeRows(source: Uint8Array, from: number, height: number, taps: Taps): Uint8Array {
  const { stride, start, count, weights } = taps;
  const to = start.length;
  const out = new Uint8ClampedArray(height * to * 3);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < to; x++) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      let pixel = (y * from + start[x]) * 3;
      const last = x * stride + count[x];
      for (let k = x * stride; k < last; k++) {
        const weight = weights[k];
        red = (red + Math.imul(source[pixel], weight)) | 0;
        green = (green + Math.imul(source[pixel + 1], weight)) | 0;
        blue = (blue + Math.imul(source[pixel + 2], weight)) | 0;
        pixel += 3;
      }
      out[at] = red >> PRECISION;
      out[at + 1] = green >> PRECISION;
      out[at + 2] = blue >> PRECISION;
      at += 3;
    }
  }
  return new Uint8Array(out.buffer);
}

/** `[rows, width, 3]` → `[to, width, 3]`; `source` begins at row `firstRow` of the picture. */
function resizeColumns(source: Uint8Array, width: number, firstRow: number, taps: Taps): Uint8Array {
  const { stride, start, count, weights } = taps;
  const to = start.length;
  const line = width * 3;
  const out = new Uint8ClampedArray(to * line);
  let at = 0;
  for (let y = 0; y < to; y++) {
    const last = y * stride + count[y];
    for (let x = 0; x < width; x++) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      let pixel = (start[y] - firstRow) * line + x * 3;
      for (let k = y * stride; k < last; k++) {
        const weight = weights[k];
        red = (red + Math.imul(source[pixel], weight)) | 0;
        green = (green + Math.imul(source[pixel + 1], weight)) | 0;
        blue = (blue + Math.imul(source[pixel + 2], weight)) | 0;
        pixel += line;
      }
      out[at] = red >> PRECISION;
      out[at + 1] = green >> PRECISION;
      out[at + 2] = blue >> PRECISION;
      at += 3;
    }
  }
  return new Uint8Array(out.buffer);
}
