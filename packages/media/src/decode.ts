import { defaultCodec, type FrameSpan, type ImageCodec } from './codec/codec.js';
import { badArgument, MediaError } from './error.js';
import { type ImageInfo, probeImage } from './probe/probe.js';
import { type Colour, checkImage, isSize, pixelsToRgb, type RgbImage } from './rgb-image.js';
import { load, type MediaInput } from './source.js';

/** 2^28 / 3: a picture of at most 256 MiB as RGB, about 20,000 × 4,473. */
export const DEFAULT_MAX_PIXELS = Math.floor(2 ** 28 / 3);
/** 256 MiB of file. */
export const DEFAULT_MAX_BYTES = 2 ** 28;

export interface Limits {
  /** Largest width × height; `DEFAULT_MAX_PIXELS` by default. Checked before any pixel is decoded. */
  readonly maxPixels?: number | undefined;
  /** Largest file in bytes; `DEFAULT_MAX_BYTES` by default. Checked before a file or Blob is read. */
  readonly maxBytes?: number | undefined;
}

export interface DecodeOptions extends Limits {
  readonly signal?: AbortSignal | undefined;
  /** Turn the picture as its EXIF orientation says (default). The reference does not: pass false to equal it. */
  readonly autoOrient?: boolean | undefined;
  /** Composite transparent pixels on this colour. By default alpha is dropped, as the reference does. */
  readonly background?: Colour | undefined;
  /** What decodes: `sharpCodec()` in Node, `browserCodec()` elsewhere, or your own. */
  readonly codec?: ImageCodec | undefined;
}

/**
 * Decodes a PNG, JPEG, WebP, GIF or AVIF to RGB; of an animation the first frame.
 * @throws MediaError `EMPTY`, `NOT_AN_IMAGE`, `UNSUPPORTED_IMAGE`, `TRUNCATED_IMAGE`, `CORRUPT_IMAGE`,
 * `IMAGE_TOO_LARGE`, `SHARP_MISSING`, `UNSUPPORTED_RUNTIME`, `FILE`, `BAD_ARGUMENT`.
 */
export async function decodeImage(source: MediaInput, options: DecodeOptions = {}): Promise<RgbImage> {
  const { signal, maxBytes = DEFAULT_MAX_BYTES } = options;
  const { bytes, label } = await load(source, { signal, maxBytes });
  return decodeBytes(bytes, label, options);
}

const STILL: FrameSpan = { first: 0, count: 1 };

/** Decodes frames of bytes in memory into one picture, below each other; the label is used in messages. */
export async function decodeBytes(
  bytes: Uint8Array,
  label: string,
  options: DecodeOptions,
  frames = STILL,
): Promise<RgbImage> {
  const { signal, maxPixels = DEFAULT_MAX_PIXELS, autoOrient = true, background } = options;
  checkPixels(probeImage(bytes, label), label, maxPixels);
  const codec = options.codec ?? defaultCodec();
  try {
    const keepAlpha = background !== undefined;
    const pixels = await codec.decode(bytes, { signal, autoOrient, keepAlpha, maxPixels, frames });
    return pixelsToRgb(pixels, background);
  } catch (cause) {
    if (!(cause instanceof MediaError) || cause.code !== 'CORRUPT_IMAGE') throw cause;
    throw new MediaError('CORRUPT_IMAGE', `${label}: ${cause.message}`, { cause });
  }
}

/** A limit is a whole, positive number of pixels, or Infinity for none. */
export function checkLimit(maxPixels: number): void {
  if (isSize(maxPixels) || maxPixels === Number.POSITIVE_INFINITY) return;
  throw badArgument(`maxPixels is a whole, positive number or Infinity, got ${maxPixels}.`);
}

/** Throws `IMAGE_TOO_LARGE` for more pixels than allowed. */
export function checkPixels({ width, height }: ImageInfo, label: string, maxPixels: number): void {
  checkLimit(maxPixels);
  if (width * height > maxPixels) {
    throw new MediaError(
      'IMAGE_TOO_LARGE',
      `${label} has ${width} × ${height} = ${width * height} pixels, more than the ${maxPixels} allowed.`,
      { hint: 'Raise maxPixels if you trust it.' },
    );
  }
}

/** Format, stored size and frame count, without decoding. Throws as `decodeImage` does, but for the codec's errors. */
export async function imageInfo(
  source: MediaInput,
  { signal, maxBytes = DEFAULT_MAX_BYTES }: Limits & { readonly signal?: AbortSignal | undefined } = {},
): Promise<ImageInfo> {
  const { bytes, label } = await load(source, { signal, maxBytes });
  return probeImage(bytes, label);
}

export interface EncodeOptions {
  readonly signal?: AbortSignal | undefined;
  readonly codec?: ImageCodec | undefined;
}

/** Writes an 8-bit RGB PNG. Decoding it gives the same pixels. */
export function encodePng(
  image: RgbImage,
  { codec = defaultCodec(), signal }: EncodeOptions = {},
): Promise<Uint8Array> {
  return codec.encodePng(checkImage(image), { signal });
}
