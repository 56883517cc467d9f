import { ShapeError } from '@emu-ts/base';

/**
 * Which frames of a video to look at: one from the middle of each of `segments` equal parts (`get_index` of the
 * reference). Halves round to even, so the parts are not always equally far apart.
 *
 * @param count frames of the video, at least 1.
 * @returns `[segments]` indices in 0..count−1, not decreasing; a short video repeats frames.
 */
export function frameIndices(count: number, segments = 8): number[] {
  if (!Number.isInteger(count) || count < 1 || !Number.isInteger(segments) || segments < 1) {
    throw new ShapeError(
      `Wanted at least 1 frame and 1 segment, got ${count} frames and ${segments} segments.`,
    );
  }
  const length = (count - 1) / segments;
  const first = Math.floor(length / 2);
  return Array.from({ length: segments }, (_, k) => first + roundHalfEven(length * k));
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
