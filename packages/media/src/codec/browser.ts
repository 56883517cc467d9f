import { abortable } from '../abort.js';
import { MediaError, reasonOf } from '../error.js';
import type { Pixels } from '../rgb-image.js';
import type { ImageCodec } from './codec.js';

/** What is used of a browser window or worker. Spelled out, so that no DOM types are needed to build this package. */
export interface CanvasHost {
  readonly createImageBitmap?: (
    blob: Blob,
    options: { imageOrientation: string; colorSpaceConversion: string; premultiplyAlpha: string },
  ) => Promise<Bitmap>;
  readonly OffscreenCanvas?: new (width: number, height: number) => Canvas;
}

interface Bitmap {
  readonly width: number;
  readonly height: number;
  close(): void;
}

interface CanvasPixels {
  readonly data: Uint8ClampedArray;
}

interface Context {
  drawImage(bitmap: Bitmap, x: number, y: number): void;
  getImageData(x: number, y: number, width: number, height: number): CanvasPixels;
  createImageData(width: number, height: number): CanvasPixels;
  putImageData(pixels: CanvasPixels, x: number, y: number): void;
}

interface Canvas {
  getContext(kind: '2d', options: { willReadFrequently: boolean }): Context | null;
  convertToBlob(options: { type: string }): Promise<Blob>;
}

/**
 * `createImageBitmap` and `OffscreenCanvas`, in a page or a worker. A canvas keeps colour premultiplied, so what lies
 * under full transparency reads as black and under little alpha coarsely; opaque pictures are exact. Without
 * `autoOrient` only JPEGs are kept as stored.
 */
export function browserCodec(host: CanvasHost = globalThis as unknown as CanvasHost): ImageCodec {
  const context = (width: number, height: number): { canvas: Canvas; context: Context } => {
    const canvas = host.OffscreenCanvas && new host.OffscreenCanvas(width, height);
    const context = canvas?.getContext('2d', { willReadFrequently: true });
    if (canvas && context) return { canvas, context };
    throw unsupported('OffscreenCanvas');
  };
  return {
    name: 'browser',
    async decode(bytes, { signal, autoOrient, frames }): Promise<Pixels> {
      signal?.throwIfAborted();
      if (!host.createImageBitmap) throw unsupported('createImageBitmap');
      if (frames.first > 0 || frames.count > 1) throw unsupported('decoding later frames of an animation');
      const file = autoOrient ? bytes : hideExif(bytes);
      const decoding = host.createImageBitmap(new Blob([file as Uint8Array<ArrayBuffer>]), {
        imageOrientation: 'from-image',
        colorSpaceConversion: 'none',
        premultiplyAlpha: 'none',
      });
      const drawn = decoding.then((bitmap) => {
        try {
          const { width, height } = bitmap;
          const { context: target } = context(width, height);
          target.drawImage(bitmap, 0, 0);
          return { width, height, channels: 4 as const, data: target.getImageData(0, 0, width, height).data };
        } finally {
          bitmap.close();
        }
      });
      try {
        return await abortable(drawn, signal);
      } catch (cause) {
        signal?.throwIfAborted();
        if (cause instanceof MediaError) throw cause;
        throw new MediaError('CORRUPT_IMAGE', `The picture does not decode: ${reasonOf(cause)}.`, { cause });
      }
    },
    async encodePng({ width, height, data }, { signal }) {
      signal?.throwIfAborted();
      const { canvas, context: target } = context(width, height);
      const pixels = target.createImageData(width, height);
      pixels.data.fill(255);
      for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
        pixels.data[to] = data[from];
        pixels.data[to + 1] = data[from + 1];
        pixels.data[to + 2] = data[from + 2];
      }
      target.putImageData(pixels, 0, 0);
      const blob = await abortable(canvas.convertToBlob({ type: 'image/png' }), signal);
      return new Uint8Array(await abortable(blob.arrayBuffer(), signal));
    },
  };
}

/** Browsers turn a JPEG by its EXIF whatever they are asked: unless the segment is not to be found. */
function hideExif(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const isJpeg = copy[0] === 0xff && copy[1] === 0xd8;
  const startOfScan = 0xda;
  for (let at = 2; isJpeg && copy[at] === 0xff && copy[at + 1] !== startOfScan; ) {
    if (String.fromCharCode(...copy.subarray(at + 4, at + 10)) === 'Exif\0\0') copy[at + 4] = 0;
    at += 2 + copy[at + 2] * 256 + copy[at + 3];
  }
  return copy;
}

const unsupported = (what: string): MediaError =>
  new MediaError('UNSUPPORTED_RUNTIME', `This browser or runtime lacks ${what}.`, {
    hint: 'Pass a codec of your own.',
  });
