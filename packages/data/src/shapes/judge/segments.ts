import type { BackgroundFit } from './background.js';

/** One connected thing before the background. */
export interface Segment {
  /** `[side, side]` how much of each pixel it covers, 0..1. */
  readonly cover: Float64Array;
  /** Sum of `cover`. */
  readonly area: number;
  /** Centre of mass in pixels. */
  readonly x: number;
  readonly y: number;
  /** Pixels wholly inside. */
  readonly core: readonly number[];
}

/** Segments smaller than this part of the picture are debris. */
const smallest = 0.006;

/** The things that stand out from the background. */
export function segments(fit: BackgroundFit, side: number): Segment[] {
  const threshold = Math.min(36, Math.max(18, 3 * fit.noise));
  const all = Uint8Array.from(fit.distance, (d) => Number(d > threshold));
  return label(all, side).flatMap((pixels) => {
    const strength = contrast(pixels, fit.distance, side);
    // Things that touch through the blur of their edges come apart at half their contrast.
    const strong = new Uint8Array(side * side);
    for (const i of pixels) strong[i] = Number(fit.distance[i] > Math.max(threshold, strength / 2));
    const parts = label(strong, side);
    return (parts.length > 1 ? parts : [pixels]).map((part) => segment(part, pixels, fit, side));
  });
}

/** Groups of at least the smallest size, joined along sides. */
function label(mask: Uint8Array, side: number): number[][] {
  const seen = new Uint8Array(mask.length);
  const groups: number[][] = [];
  for (let start = 0; start < mask.length; start++) {
    if (!mask[start] || seen[start]) continue;
    const group = [start];
    seen[start] = 1;
    for (let at = 0; at < group.length; at++) {
      for (const next of neighbours(group[at], side)) {
        if (!mask[next] || seen[next]) continue;
        seen[next] = 1;
        group.push(next);
      }
    }
    if (group.length >= smallest * mask.length) groups.push(group);
  }
  return groups;
}

function neighbours(i: number, side: number): number[] {
  const x = i % side;
  const out: number[] = [];
  if (x > 0) out.push(i - 1);
  if (x < side - 1) out.push(i + 1);
  if (i >= side) out.push(i - side);
  if (i < side * (side - 1)) out.push(i + side);
  return out;
}

/** How far most of the inside stands out: lines along the edge may stand out less than the fill, or more. */
function contrast(pixels: readonly number[], distance: Float64Array, side: number): number {
  const inner = erode(pixels, side);
  const values = (inner.length > 8 ? inner : pixels).map((i) => distance[i]).sort((a, b) => a - b);
  return values[Math.floor(values.length * 0.35)];
}

function erode(pixels: readonly number[], side: number): number[] {
  const set = new Set(pixels);
  return pixels.filter((i) => {
    const around = neighbours(i, side);
    return around.length === 4 && around.every((j) => set.has(j));
  });
}

/** @param part the pixels of one thing; @param whole those of the group it was found in, edges of others among them. */
function segment(
  part: readonly number[],
  whole: readonly number[],
  { distance, noise }: BackgroundFit,
  side: number,
): Segment {
  const strength = contrast(part, distance, side);
  const own = new Set(part);
  for (const i of part) for (const next of neighbours(i, side)) own.add(next);
  const taken = new Set(whole);
  const cover = new Float64Array(side * side);
  let [area, sx, sy] = [0, 0, 0];
  for (const i of own) {
    if (!taken.has(i) && distance[i] < 2 * noise) continue;
    const value = Math.max(0, Math.min(1, (distance[i] - noise) / Math.max(1, strength - noise)));
    cover[i] = value;
    area += value;
    sx += value * ((i % side) + 0.5);
    sy += value * (Math.floor(i / side) + 0.5);
  }
  const core = erode(part, side);
  return { cover, area, x: sx / area, y: sy / area, core: core.length > 8 ? core : part };
}
