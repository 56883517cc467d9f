import { type DecodeOptions, decodeBytes } from '../decode.js';
import { MediaError } from '../error.js';
import { probeImage } from '../probe/probe.js';
import { rgbImage } from '../rgb-image.js';
import type { Loaded } from '../source.js';
import type { FrameSource } from './video.js';

/** Pixels decoded at a time. A frame builds on all before it, so every piece costs a pass from the start. */
const PIECE = 2 ** 24;

/** An animated GIF or WebP: every frame as it is displayed, drawn over the earlier ones on the full canvas. */
export function animationSource({ bytes, label }: Loaded, options: DecodeOptions): FrameSource {
  const { frames, width, height } = probeImage(bytes, label);
  const longest = Math.max(1, Math.floor(PIECE / (width * height)));
  return {
    label,
    frameCount: frames,
    width,
    height,
    async read(indices, onFrame, signal) {
      for (const piece of pieces(indices, longest)) {
        const first = piece[0];
        const count = piece[piece.length - 1] - first + 1;
        const strip = await decodeBytes(
          bytes,
          label,
          { ...options, autoOrient: false, signal },
          { first, count },
        );
        if (strip.width !== width || strip.height !== height * count) {
          throw new MediaError(
            'CORRUPT_IMAGE',
            `${label} says its ${count} frames are ${width} × ${height}, but they decode to ${strip.width} × ${strip.height}.`,
          );
        }
        const size = width * height * 3;
        for (const index of piece) {
          onFrame(
            rgbImage(width, height, strip.data.slice((index - first) * size, (index - first + 1) * size)),
          );
        }
      }
    },
    close: async () => {},
  };
}

/** Cuts ascending indices into runs that span at most `longest` frames each. */
export function pieces(indices: readonly number[], longest: number): number[][] {
  const runs: number[][] = [];
  for (const index of indices) {
    const run = runs.at(-1);
    if (run && index - run[0] < longest) run.push(index);
    else runs.push([index]);
  }
  return runs;
}
