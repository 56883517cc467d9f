import { MediaError } from '../error.js';
import { type ImageFormat, sniff } from '../sniff.js';
import { probeAvif } from './avif.js';
import { probeGif } from './gif.js';
import { probeJpeg } from './jpeg.js';
import { probePng } from './png.js';
import { type Dimensions, HeaderReader } from './reader.js';
import { probeWebp } from './webp.js';

/** Stored size: before EXIF rotation. */
export interface ImageInfo extends Dimensions {
  readonly format: ImageFormat;
}

const probes = {
  png: probePng,
  jpeg: probeJpeg,
  gif: probeGif,
  webp: probeWebp,
  avif: probeAvif,
} satisfies Record<ImageFormat, (file: HeaderReader) => Dimensions>;

const WANTED = 'PNG, JPEG, WebP, GIF or AVIF';

/**
 * Format, size and frame count from the structure of a file, without decoding, so that limits are checked before
 * memory is spent, and the same bad files are refused whatever decodes them.
 * @throws MediaError `EMPTY`, `NOT_AN_IMAGE`, `UNSUPPORTED_IMAGE`, `TRUNCATED_IMAGE`, `CORRUPT_IMAGE`.
 */
export function probeImage(bytes: Uint8Array, label = 'The file'): ImageInfo {
  if (bytes.length === 0) {
    throw new MediaError('EMPTY', `${label} is empty (0 bytes), wanted ${WANTED}.`);
  }
  const found = sniff(bytes);
  if (found.kind === 'video') {
    throw new MediaError('NOT_AN_IMAGE', `${label} is a video (${found.format}), wanted ${WANTED}.`, {
      hint: 'Use openVideo.',
    });
  }
  if (found.kind === 'picture') {
    throw new MediaError('UNSUPPORTED_IMAGE', `${label} is ${found.name}, wanted ${WANTED}.`, {
      hint: 'Convert it first.',
    });
  }
  if (found.kind === 'other') {
    throw new MediaError(
      'NOT_AN_IMAGE',
      `${label} is not an image: it holds ${found.description}, wanted ${WANTED}.`,
    );
  }
  const file = new HeaderReader(bytes, label);
  const size = probes[found.format](file);
  if (size.width === 0 || size.height === 0) throw file.corrupt(`its size is ${size.width} × ${size.height}`);
  return { format: found.format, ...size };
}
