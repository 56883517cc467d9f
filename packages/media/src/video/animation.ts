import { type DecodeOptions, decodeBytes } from '../decode.js';
import { probeImage } from '../probe/probe.js';
import type { Loaded } from '../source.js';
import type { FrameSource } from './video.js';

/** An animated GIF or WebP: every frame as it is displayed, drawn over the earlier ones on the full canvas. */
export function animationSource({ bytes, label }: Loaded, options: DecodeOptions): FrameSource {
  const { frames, width, height } = probeImage(bytes, label);
  return {
    label,
    frameCount: frames,
    width,
    height,
    async read(indices, onFrame, signal) {
      for (const index of indices) {
        onFrame(await decodeBytes(bytes, label, { ...options, autoOrient: false, signal }, index));
      }
    },
    close: async () => {},
  };
}
