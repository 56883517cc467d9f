import { tensor } from '@emu-ts/base';
import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const slots = [-1, 2, 0, -1, 1];

export const cases: readonly OpCase[] = [
  {
    name: 'three of five rows',
    inputs: {
      tokens: tensorType('f32', [5, 7]),
      embeddings: tensorType('f32', [3, 7]),
      slots: tensorType('i32', [5]),
    },
    given: { slots: tensor('i32', [5], slots) },
    attrs: {},
  },
];
