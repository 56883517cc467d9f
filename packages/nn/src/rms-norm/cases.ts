import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const f32 = (...shape: number[]) => tensorType('f32', shape);

export const cases: readonly OpCase[] = [
  { name: 'small', inputs: { x: f32(2, 3, 5), weight: f32(5) }, attrs: { eps: 1e-6 } },
  { name: 'large epsilon', inputs: { x: f32(4, 7), weight: f32(7) }, attrs: { eps: 0.5 } },
  {
    name: 'f16',
    inputs: { x: tensorType('f16', [2, 6]), weight: tensorType('f16', [6]) },
    attrs: { eps: 1e-6 },
  },
  {
    name: 'width 60',
    inputs: { x: f32(3, 17, 60), weight: f32(60) },
    attrs: { eps: 1e-6 },
    differences: false,
  },

  {
    name: 'LLaMA',
    inputs: { x: f32(1, 128, 5120), weight: f32(5120) },
    attrs: { eps: 1e-6 },
    benchOnly: true,
  },
];

export const vjpCases: readonly OpCase[] = [
  {
    name: 'small',
    inputs: { dy: f32(2, 3, 5), x: f32(2, 3, 5), weight: f32(5), rstd: f32(2, 3, 1) },
    attrs: {},
  },
  {
    name: 'LLaMA',
    inputs: { dy: f32(1, 128, 5120), x: f32(1, 128, 5120), weight: f32(5120), rstd: f32(1, 128, 1) },
    attrs: {},
    benchOnly: true,
  },
];
