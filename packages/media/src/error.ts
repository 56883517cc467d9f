import { EmuError } from '@emu-ts/base';

/**
 * What went wrong with a picture or video:
 * `EMPTY` zero bytes; `NOT_AN_IMAGE`, `NOT_A_VIDEO` the bytes are something else, whatever the name says;
 * `UNSUPPORTED_IMAGE` a real picture in a format not read here; `TRUNCATED_IMAGE` the file ends before its own
 * structure does; `CORRUPT_IMAGE`, `CORRUPT_VIDEO` the decoder gave up; `IMAGE_TOO_LARGE`, `VIDEO_TOO_LARGE` more
 * bytes or pixels than the call allows; `FRAME_OUT_OF_RANGE` no frame of that index; `VIDEO_CLOSED`;
 * `SHARP_MISSING`, `FFMPEG_MISSING` a program or package to install; `UNSUPPORTED_RUNTIME` this JavaScript host
 * lacks what the call needs; `FILE` the medium failed; `BAD_ARGUMENT` the call itself is wrong.
 */
export type MediaErrorCode =
  | 'EMPTY'
  | 'NOT_AN_IMAGE'
  | 'NOT_A_VIDEO'
  | 'UNSUPPORTED_IMAGE'
  | 'TRUNCATED_IMAGE'
  | 'CORRUPT_IMAGE'
  | 'CORRUPT_VIDEO'
  | 'IMAGE_TOO_LARGE'
  | 'VIDEO_TOO_LARGE'
  | 'FRAME_OUT_OF_RANGE'
  | 'VIDEO_CLOSED'
  | 'SHARP_MISSING'
  | 'FFMPEG_MISSING'
  | 'UNSUPPORTED_RUNTIME'
  | 'FILE'
  | 'BAD_ARGUMENT';

/** Every error of this package, but for the abort reason of a caller's signal, which passes through untouched. */
export class MediaError extends EmuError {
  declare readonly code: MediaErrorCode;

  constructor(code: MediaErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(code, message, options);
  }
}

export const badArgument = (message: string, hint?: string): MediaError =>
  new MediaError('BAD_ARGUMENT', message, hint === undefined ? {} : { hint });

/** Text from a file in an error message: quoted, and cut so that hostile content stays readable. */
export const quote = (text: string, limit = 120): string =>
  JSON.stringify(text.length > limit ? `${text.slice(0, limit - 3)}...` : text);

/** The message of whatever was thrown, on one line and without its full stop. */
export const reasonOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause))
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\.+$/, '')
    .slice(0, 300);
