import { tensor } from '@emu-ts/base';
import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const f32 = (...shape: number[]) => tensorType('f32', shape);
const i32 = (...shape: number[]) => tensorType('i32', shape);

export const cases: readonly OpCase[] = [
  {
    name: 'small',
    inputs: { ids: i32(2, 3), weight: f32(5, 4) },
    attrs: { dtype: 'f32' },
    given: { ids: tensor('i32', [2, 3], [4, 0, 4, 1, 2, 0]) },
  },
  {
    name: 'f16 table',
    inputs: { ids: i32(2), weight: tensorType('f16', [3, 4]) },
    attrs: { dtype: 'f32' },
    given: { ids: tensor('i32', [2], [2, 2]) },
  },
  {
    name: 'LLaMA',
    inputs: { ids: i32(1, 128), weight: f32(32004, 5120) },
    attrs: { dtype: 'f32' },
    given: { ids: tensor('i32', [1, 128]) },
    benchOnly: true,
  },
];
