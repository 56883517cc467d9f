/** Frames `first … last`, both included. */
export type FrameRange = readonly [first: number, last: number];

/**
 * Few ranges that together cover ascending indices: consecutive ones join, and where more than `limit` remain, those
 * with the smallest gaps between them do, at the price of frames that nobody asked for.
 */
export function frameRanges(indices: readonly number[], limit: number): FrameRange[] {
  const gaps = indices.slice(1).map((index, i) => index - indices[i]);
  const kept = [...gaps].sort((a, b) => b - a)[limit - 1] ?? 1;
  const widest = Math.max(kept, 1);
  const ranges: [number, number][] = [];
  for (const index of indices) {
    const last = ranges.at(-1);
    if (last && index - last[1] <= widest) last[1] = index;
    else ranges.push([index, index]);
  }
  return ranges;
}
