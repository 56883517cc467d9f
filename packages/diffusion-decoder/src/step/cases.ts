import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

function caseOf(slots: number, picture: readonly [number, number, number, number], guided: boolean): OpCase {
  const [b, ...rest] = picture;
  return {
    name: `${slots} slots of [${picture}]${guided ? ', guided' : ''}`,
    inputs: {
      predictions: tensorType('f32', [guided ? 2 * b : b, ...rest]),
      state: tensorType('f32', [slots, ...picture]),
      mixing: tensorType('f32', [slots + 1, slots + 1]),
      ...(guided ? { guidance: tensorType('f32', []) } : {}),
    },
    attrs: {},
    expectation: { terms: slots + 1, depth: 2 },
  };
}

/** Latents of a picture of 512 × 512 are [1 4 64 64]. */
export const cases: readonly OpCase[] = [
  caseOf(6, [2, 4, 3, 5], true),
  caseOf(6, [1, 4, 16, 9], false),
  caseOf(1, [1, 3, 1, 1], true),
  caseOf(1, [2, 1, 2, 3], false),
  caseOf(16, [1, 2, 5, 7], true),
  { ...caseOf(6, [1, 4, 64, 64], true), benchOnly: true },
];
