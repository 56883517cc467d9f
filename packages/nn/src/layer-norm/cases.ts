import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const f32 = (...shape: number[]) => tensorType('f32', shape);

export const cases: readonly OpCase[] = [
  { name: 'small', inputs: { x: f32(2, 3, 5), weight: f32(5), bias: f32(5) }, attrs: { eps: 1e-6 } },
  { name: 'large epsilon', inputs: { x: f32(4, 7), weight: f32(7), bias: f32(7) }, attrs: { eps: 0.5 } },
  {
    name: 'f16',
    inputs: { x: tensorType('f16', [2, 6]), weight: tensorType('f16', [6]), bias: tensorType('f16', [6]) },
    attrs: { eps: 1e-6 },
  },
  {
    name: 'width 60',
    inputs: { x: f32(3, 17, 60), weight: f32(60), bias: f32(60) },
    attrs: { eps: 1e-6 },
    differences: false,
  },

  {
    name: 'EVA-CLIP',
    inputs: { x: f32(1, 257, 1408), weight: f32(1408), bias: f32(1408) },
    attrs: { eps: 1e-6 },
    benchOnly: true,
  },
];

export const vjpCases: readonly OpCase[] = [
  {
    name: 'small',
    inputs: { dy: f32(2, 3, 5), x: f32(2, 3, 5), weight: f32(5), mean: f32(2, 3, 1), rstd: f32(2, 3, 1) },
    attrs: {},
  },
  {
    name: 'EVA-CLIP',
    inputs: {
      dy: f32(1, 257, 1408),
      x: f32(1, 257, 1408),
      weight: f32(1408),
      mean: f32(1, 257, 1),
      rstd: f32(1, 257, 1),
    },
    attrs: {},
    benchOnly: true,
  },
];
