import { MediaError } from '../error.js';
import { type RgbImage, rgbImage } from '../rgb-image.js';

/** Longest `P6 width height 255` head that is looked for. */
const MAX_HEAD = 64;

/**
 * Cuts a byte stream of binary PPM pictures into frames, however the chunks fall. Each frame carries its own size, so
 * nothing about the stream has to be known before.
 */
export function ppmReader(onFrame: (image: RgbImage) => void): (chunk: Uint8Array) => void {
  let head = '';
  let frame: RgbImage | undefined;
  let filled = 0;
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (!frame) {
        head += String.fromCharCode(chunk[at++]);
        const match = /^P6\s+(\d+)\s+(\d+)\s+255\s$/.exec(head);
        if (match) frame = rgbImage(Number(match[1]), Number(match[2]));
        else if (head.length > MAX_HEAD)
          throw new MediaError('CORRUPT_VIDEO', 'ffmpeg wrote something else than PPM.');
        continue;
      }
      const part = chunk.subarray(at, at + frame.data.length - filled);
      frame.data.set(part, filled);
      at += part.length;
      filled += part.length;
      if (filled === frame.data.length) {
        onFrame(frame);
        head = '';
        frame = undefined;
        filled = 0;
      }
    }
  };
}
