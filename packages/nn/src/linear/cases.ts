import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const f32 = (...shape: number[]) => tensorType('f32', shape);

export const cases: readonly OpCase[] = [
  { name: 'with bias', inputs: { x: f32(2, 3, 5), weight: f32(4, 5), bias: f32(4) }, attrs: {} },
  { name: 'no bias, one row', inputs: { x: f32(7), weight: f32(3, 7) }, attrs: {} },
  {
    name: 'f16 weight',
    inputs: { x: f32(2, 5), weight: tensorType('f16', [3, 5]), bias: tensorType('f16', [3]) },
    attrs: {},
  },
  { name: 'width 60', inputs: { x: f32(2, 9, 60), weight: f32(180, 60) }, attrs: {}, differences: false },
  {
    name: 'EVA-CLIP fc1',
    inputs: { x: f32(1, 257, 1408), weight: f32(6144, 1408), bias: f32(6144) },
    attrs: {},
    benchOnly: true,
  },
  {
    name: 'LLaMA down',
    inputs: { x: f32(1, 1, 13824), weight: f32(5120, 13824) },
    attrs: {},
    benchOnly: true,
  },
];
