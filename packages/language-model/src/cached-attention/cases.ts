import { tensor } from '@emu-ts/base';
import { type TensorType, tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

interface Shape {
  readonly b: number;
  readonly h: number;
  /** New positions. */
  readonly t: number;
  /** Capacity. */
  readonly c: number;
  readonly d: number;
}

/** @param rows which row of the cache each row reads its past from, at every position up to `length` */
function caseOf(
  name: string,
  { b, h, t, c, d }: Shape,
  length: number,
  padding: readonly number[],
  rows?: readonly number[],
): OpCase {
  const fresh = tensorType('f32', [b, h, t, d]);
  const past = tensorType('f32', [b, h, c, d]);
  const inputs: Record<string, TensorType> = { q: fresh, k: fresh, v: fresh, keys: past, values: past };
  const table = rows?.flatMap((from, row) => Array.from({ length: c }, (_, p) => (p < length ? from : row)));
  const given = {
    length: tensor('i32', [], [length]),
    padding: tensor('i32', [b], padding),
    ...(table ? { rows: tensor('i32', [b, c], table) } : {}),
  };
  return { name, inputs: { ...inputs, ...given }, given, attrs: { scale: d ** -0.5 } };
}

/** LLaMA-13B has 40 heads of 128; decoding reads one position, prefill up to 256. */
export const cases: readonly OpCase[] = [
  caseOf('first positions', { b: 1, h: 2, t: 3, c: 5, d: 4 }, 0, [0]),
  caseOf('one position, padded rows', { b: 2, h: 1, t: 1, c: 6, d: 2 }, 4, [0, 3]),
  {
    ...caseOf('queries that are padding', { b: 2, h: 2, t: 3, c: 7, d: 4 }, 1, [2, 4]),
    differences: false, // beside a hidden key no step can be told
  },
  caseOf('a chunk, odd head size', { b: 2, h: 2, t: 2, c: 7, d: 5 }, 3, [1, 0]),
  caseOf('beams that swapped their pasts', { b: 3, h: 1, t: 1, c: 4, d: 2 }, 2, [0, 1, 0], [2, 0, 0]),
  {
    ...caseOf('decode 13B', { b: 1, h: 40, t: 1, c: 512, d: 128 }, 300, [0]),
    benchOnly: true,
  },
  {
    ...caseOf(
      'decode 13B, 5 beams',
      { b: 5, h: 40, t: 1, c: 512, d: 128 },
      300,
      [0, 0, 0, 0, 0],
      [4, 3, 2, 1, 0],
    ),
    benchOnly: true,
  },
  {
    ...caseOf('prefill 13B', { b: 1, h: 40, t: 256, c: 512, d: 128 }, 100, [0]),
    benchOnly: true,
  },
];
