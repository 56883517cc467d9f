import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const f32 = (...shape: number[]) => tensorType('f32', shape);

export const cases: readonly OpCase[] = [
  {
    name: 'patches',
    inputs: { x: f32(1, 2, 4, 6), weight: f32(3, 2, 2, 2), bias: f32(3) },
    attrs: { strides: [2, 2], padding: [0, 0, 0, 0] },
  },
  {
    name: 'uneven padding, no bias',
    inputs: { x: f32(1, 2, 5, 4), weight: f32(2, 2, 3, 3) },
    attrs: { strides: [2, 1], padding: [0, 1, 1, 0] },
  },
  {
    name: 'f16 weight',
    inputs: { x: f32(1, 2, 3, 3), weight: tensorType('f16', [2, 2, 1, 1]), bias: tensorType('f16', [2]) },
    attrs: { strides: [1, 1], padding: [0, 0, 0, 0] },
  },
  {
    name: 'EVA-CLIP patches',
    inputs: { x: f32(1, 3, 224, 224), weight: f32(1408, 3, 14, 14), bias: f32(1408) },
    attrs: { strides: [14, 14], padding: [0, 0, 0, 0] },
    benchOnly: true,
  },
  {
    name: 'UNet 3×3',
    inputs: { x: f32(2, 320, 64, 64), weight: f32(320, 320, 3, 3), bias: f32(320) },
    attrs: { strides: [1, 1], padding: [1, 1, 1, 1] },
    benchOnly: true,
  },
];
