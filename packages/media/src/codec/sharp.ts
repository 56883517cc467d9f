import type sharpModule from 'sharp';
import { abortable } from '../abort.js';
import { MediaError, reasonOf } from '../error.js';
import type { Pixels } from '../rgb-image.js';
import type { CodecOptions, ImageCodec } from './codec.js';

type Sharp = typeof sharpModule;

export interface SharpCodecOptions {
  /** Imports the module `sharp`; by default the copy installed beside this package. */
  readonly load?: (() => Promise<{ readonly default: unknown }>) | undefined;
}

/** sharp (libvips) in Node: an optional peer dependency, loaded at the first picture. */
export function sharpCodec({ load = () => import('sharp') }: SharpCodecOptions = {}): ImageCodec {
  const ready = async (): Promise<Sharp> => {
    try {
      return (await load()).default as Sharp;
    } catch (cause) {
      throw new MediaError(
        'SHARP_MISSING',
        `Pictures are decoded by sharp, which did not load (${reasonOf(cause)}).`,
        {
          hint: 'Install it: npm install sharp',
          cause,
        },
      );
    }
  };
  return {
    name: 'sharp',
    async decode(bytes, options) {
      options.signal?.throwIfAborted();
      const sharp = await abortable(ready(), options.signal);
      try {
        return await abortable(decode(sharp, bytes, options), options.signal);
      } catch (cause) {
        options.signal?.throwIfAborted();
        throw new MediaError('CORRUPT_IMAGE', `The picture does not decode: ${reasonOf(cause)}.`, { cause });
      }
    },
    async encodePng({ width, height, data }, { signal }) {
      signal?.throwIfAborted();
      const sharp = await abortable(ready(), signal);
      const png = sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer();
      return plain(await abortable(png, signal));
    },
  };
}

/** A Buffer's own bytes as a plain array. */
const plain = (buffer: Buffer): Uint8Array =>
  new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);

async function decode(sharp: Sharp, bytes: Uint8Array, options: CodecOptions): Promise<Pixels> {
  const { autoOrient, keepAlpha, maxPixels, frames } = options;
  const { first, count } = frames;
  const open = () =>
    sharp(bytes, {
      failOn: 'error',
      ignoreIcc: true,
      limitInputPixels: Math.min(maxPixels * count, Number.MAX_SAFE_INTEGER),
      ...(first > 0 || count > 1 ? { page: first, pages: count } : {}),
    });
  const isJpeg = bytes[0] === 0xff;
  const cmyk = isJpeg && (await open().metadata()).space === 'cmyk';
  let picture = open();
  if (autoOrient) picture = picture.autoOrient();
  if (!keepAlpha && !cmyk) picture = picture.removeAlpha();
  // Left to itself libvips takes CMYK through a press profile; here the raw inks are wanted.
  picture = cmyk ? picture.pipelineColourspace('cmyk').toColourspace('cmyk') : picture.toColourspace('srgb');
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  if (cmyk) return { width, height, channels: 3, data: inksToRgb(data, info.channels) };
  return { width, height, channels: info.channels as Pixels['channels'], data: plain(data) };
}

/** (255 − ink)(255 − black) / 255 rounded to nearest, in PIL's integer arithmetic. */
function inksToRgb(inks: Uint8Array, channels: number): Uint8Array {
  const count = inks.length / channels;
  const rgb = new Uint8Array(count * 3);
  for (let i = 0; i < count; i++) {
    const light = 255 - inks[i * channels + 3];
    for (let c = 0; c < 3; c++) {
      const t = inks[i * channels + c] * light + 128;
      rgb[i * 3 + c] = light - (((t >> 8) + t) >> 8);
    }
  }
  return rgb;
}
