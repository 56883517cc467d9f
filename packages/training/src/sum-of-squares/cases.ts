import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

export const cases: readonly OpCase[] = [
  { name: 'small', inputs: { x: tensorType('f32', [3, 4]) }, attrs: {} },
  { name: 'scalar', inputs: { x: tensorType('f32', []) }, attrs: {} },
  { name: 'f16', inputs: { x: tensorType('f16', [5]) }, attrs: {} },
  { name: 'LLaMA projection', inputs: { x: tensorType('f32', [5120, 5120]) }, attrs: {}, benchOnly: true },
];
