import { tensor } from '@emu-ts/base';
import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const f32 = (...shape: number[]) => tensorType('f32', shape);

export const cases: readonly OpCase[] = [
  { name: 'small', inputs: { x: f32(2, 3, 5) }, attrs: {} },
  { name: 'one column', inputs: { x: f32(3, 1) }, attrs: {} },
  { name: 'f16', inputs: { x: tensorType('f16', [3, 4]) }, attrs: {} },
  {
    name: 'large logits',
    inputs: { x: f32(2, 3) },
    attrs: {},
    given: { x: tensor('f64', [2, 3], [900, 899, -900, -5000, -5001, -5000.5]) },
    differences: false,
  },
  { name: 'LLaMA vocabulary', inputs: { x: f32(1, 32004) }, attrs: {}, benchOnly: true },
];

export const vjpCases: readonly OpCase[] = [
  { name: 'small', inputs: { dy: f32(2, 3, 5), y: f32(2, 3, 5) }, attrs: {} },
  { name: 'EVA-CLIP', inputs: { dy: f32(16, 257, 257), y: f32(16, 257, 257) }, attrs: {}, benchOnly: true },
];
