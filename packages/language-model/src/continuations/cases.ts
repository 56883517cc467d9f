import { random, tensor } from '@emu-ts/base';
import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

interface Wanted {
  readonly prompts?: number;
  readonly beams: number;
  readonly v: number;
  readonly count: number;
  /** The beams of a prompt share their logits, as at the first step. */
  readonly shared?: boolean;
  readonly penalty?: number;
  /** Ids that each beam holds, some of them twice. */
  readonly seen?: number;
  readonly forbidden?: readonly number[];
}

/** Logits with equals in one row; scores of beams keep rows apart, so that rounding does not decide between them. */
function one(name: string, wanted: Wanted): OpCase {
  const { prompts = 1, beams, v, count, shared, penalty = 1, seen, forbidden } = wanted;
  const rows = shared ? 1 : beams;
  const drawn = random(3, v).normal(prompts * rows * v);
  const given = {
    logits: tensor(
      'f32',
      [prompts, rows, v],
      Float32Array.from(drawn, (x) => Math.round(x * 32) / 8),
    ),
    scores: tensor(
      'f32',
      [prompts, beams],
      Float32Array.from({ length: prompts * beams }, (_, i) => -0.3 * (i % beams)),
    ),
    ...(seen && {
      seen: tensor(
        'i32',
        [prompts, beams, seen],
        Int32Array.from({ length: prompts * beams * seen }, (_, i) => (i % 5 ? (i * 7) % v : -1)),
      ),
    }),
    ...(forbidden && { forbidden: tensor('i32', [forbidden.length], forbidden) }),
  };
  const inputs = Object.fromEntries(
    Object.entries(given).map(([key, { dtype, shape }]) => [key, tensorType(dtype, shape)]),
  );
  return { name, inputs, given, attrs: { count, penalty } };
}

export const cases: readonly OpCase[] = [
  one('two beams', { beams: 2, v: 7, count: 4 }),
  one('the first step of three prompts', { prompts: 3, beams: 4, v: 11, count: 8, shared: true }),
  one('all that there are', { beams: 2, v: 5, count: 10, forbidden: [2, -1] }),
  one('what was seen and what may not come', {
    prompts: 2,
    beams: 3,
    v: 37,
    count: 9,
    penalty: 1.3,
    seen: 12,
    forbidden: [4, 9],
  }),
  one('a vocabulary of three stretches', {
    prompts: 2,
    beams: 2,
    v: 4099,
    count: 6,
    penalty: 0.8,
    seen: 9,
    forbidden: [4098],
  }),
];
