import { badArgument } from './error.js';

/** A picture: 8-bit RGB, row-major, `data[(y * width + x) * 3 + channel]`. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]` */
  readonly data: Uint8Array;
}

export const isSize = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) > 0;

/** Makes a picture, black unless data is given. Throws `BAD_ARGUMENT` when the data does not fill the size. */
export function rgbImage(
  width: number,
  height: number,
  data: Uint8Array = new Uint8Array(width * height * 3),
): RgbImage {
  return checkImage({ width, height, data });
}

/** Passes a well-formed picture through; throws `BAD_ARGUMENT` for one whose data does not fit its size. */
export function checkImage(image: RgbImage): RgbImage {
  const { width, height, data } = image;
  if (!isSize(width) || !isSize(height)) {
    throw badArgument(`A picture needs whole, positive sides, got ${width} × ${height}.`);
  }
  if (data.length !== width * height * 3) {
    throw badArgument(
      `An RGB picture of ${width} × ${height} holds ${width * height * 3} bytes, got ${data.length}.`,
      'Drop or composite an alpha channel first (pixelsToRgb).',
    );
  }
  return image;
}

export type Colour = readonly [red: number, green: number, blue: number];

/** Interleaved 8-bit samples as a decoder gives them: grey, grey and alpha, RGB, or RGB and alpha. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  /** `[height, width, channels]`, alpha last and not premultiplied. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * Samples to RGB: grey is repeated, alpha is dropped without compositing (PIL's `convert('RGB')`, so the colours
 * hidden under transparent pixels appear) unless a `background` is given to composite on.
 */
export function pixelsToRgb({ width, height, channels, data }: Pixels, background?: Colour): RgbImage {
  const count = width * height;
  if (data.length !== count * channels) {
    throw badArgument(
      `${width} × ${height} pixels of ${channels} channels are ${count * channels} bytes, got ${data.length}.`,
    );
  }
  if (channels === 3) {
    return rgbImage(width, height, new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.length));
  }
  const rgb = new Uint8Array(count * 3);
  const grey = channels < 3;
  const hasAlpha = channels % 2 === 0;
  for (let i = 0, from = 0, to = 0; i < count; i++, from += channels, to += 3) {
    for (let c = 0; c < 3; c++) {
      const sample = data[grey ? from : from + c];
      if (!hasAlpha || !background) rgb[to + c] = sample;
      else {
        const alpha = data[from + channels - 1];
        rgb[to + c] = Math.round((sample * alpha + background[c] * (255 - alpha)) / 255);
      }
    }
  }
  return rgbImage(width, height, rgb);
}
