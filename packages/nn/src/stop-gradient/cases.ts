import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

export const cases: readonly OpCase[] = [
  { name: 'small', inputs: { x: tensorType('f32', [3, 5]) }, attrs: {} },
];
