import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const f32 = (...shape: number[]) => tensorType('f32', shape);

export const cases: readonly OpCase[] = [
  {
    name: 'small',
    inputs: { x: f32(2, 6, 2, 3), weight: f32(6), bias: f32(6) },
    attrs: { groups: 3, eps: 1e-5 },
  },
  {
    name: 'one position',
    inputs: { x: f32(2, 4), weight: f32(4), bias: f32(4) },
    attrs: { groups: 2, eps: 0.1 },
  },
  {
    name: 'UNet',
    inputs: { x: f32(2, 320, 64, 64), weight: f32(320), bias: f32(320) },
    attrs: { groups: 32, eps: 1e-5 },
    benchOnly: true,
  },
];
