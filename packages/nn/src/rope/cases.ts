import { tensor } from '@emu-ts/base';
import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const f32 = (...shape: number[]) => tensorType('f32', shape);
const i32 = (...shape: number[]) => tensorType('i32', shape);

export const cases: readonly OpCase[] = [
  {
    name: 'small',
    inputs: { x: f32(2, 2, 3, 4), positions: i32(2, 3), cos: f32(6, 2), sin: f32(6, 2) },
    attrs: {},
    given: { positions: tensor('i32', [2, 3], [0, 1, 2, 3, 5, 5]) },
  },
  {
    name: 'head size 10',
    inputs: { x: f32(1, 3, 2, 10), positions: i32(1, 2), cos: f32(4, 5), sin: f32(4, 5) },
    attrs: {},
    given: { positions: tensor('i32', [1, 2], [3, 0]) },
  },
  {
    name: 'LLaMA prefill',
    inputs: { x: f32(1, 40, 128, 128), positions: i32(1, 128), cos: f32(2048, 64), sin: f32(2048, 64) },
    attrs: {},
    given: { positions: tensor('i32', [1, 128]) },
    benchOnly: true,
  },
];
