/**
 * Graphs have concrete shapes, so lengths are rounded up to a few sizes: every size costs one compiled program, every
 * rounding some work on positions that hold nothing.
 */

/** One pass over part of a prompt: `size` positions are computed, of which the first `used` hold something. */
export interface Chunk {
  readonly used: number;
  readonly size: number;
}

/**
 * Cuts `length` positions into passes of at most `largest` (a power of two). The last one is rounded up to a power of
 * two, unless that would reach beyond `room`; then it is cut into exact ones.
 */
export function chunks(length: number, room: number, largest: number): Chunk[] {
  const plan: Chunk[] = [];
  for (let done = 0; done < length; ) {
    const left = length - done;
    const rounded = Math.min(largest, 2 ** Math.ceil(Math.log2(left)));
    const size = done + rounded <= room ? rounded : 2 ** Math.floor(Math.log2(left));
    plan.push({ used: Math.min(left, size), size });
    done += Math.min(left, size);
  }
  return plan;
}

/** A capacity of at least `length`, with less than a quarter (or 32 positions) to spare, and at most `limit`. */
export function capacityFor(length: number, limit: number): number {
  const step = Math.max(32, 2 ** (Math.floor(Math.log2(length)) - 2));
  return Math.min(limit, Math.ceil(length / step) * step);
}
