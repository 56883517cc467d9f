import { isNode } from '@emu-ts/base';
import type { Pixels, RgbImage } from '../rgb-image.js';
import { browserCodec } from './browser.js';
import { sharpCodec } from './sharp.js';

/** Neighbouring frames of an animation. */
export interface FrameSpan {
  readonly first: number;
  readonly count: number;
}

export interface CodecOptions {
  readonly signal?: AbortSignal | undefined;
  /** Turn the picture as its EXIF orientation says. */
  readonly autoOrient: boolean;
  /** Keep an alpha channel; without it the codec may drop it, but never composites or premultiplies. */
  readonly keepAlpha: boolean;
  /** Frames of more pixels than this may be refused. The caller has checked the size that the header claims. */
  readonly maxPixels: number;
  /** Which frames of an animation: the first alone for a still. */
  readonly frames: FrameSpan;
}

/**
 * Decodes and encodes pictures. 16-bit samples become their high byte; colour profiles are not applied; CMYK becomes
 * RGB by (255 − c)(255 − k) / 255. Throws MediaError `CORRUPT_IMAGE` when the bytes do not decode.
 */
export interface ImageCodec {
  readonly name: string;
  /**
   * @param bytes PNG, JPEG, WebP, GIF or AVIF; never empty, not truncated.
   * @returns the frames asked for, each drawn on the full canvas, below each other: `[count · height, width, channels]`.
   */
  decode(bytes: Uint8Array, options: CodecOptions): Promise<Pixels>;
  encodePng(image: RgbImage, options: { readonly signal?: AbortSignal | undefined }): Promise<Uint8Array>;
}

/** sharp in Node, `createImageBitmap` elsewhere. */
export const defaultCodec = (): ImageCodec => (isNode() ? sharpCodec() : browserCodec());
