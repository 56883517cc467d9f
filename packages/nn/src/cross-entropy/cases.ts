import { tensor } from '@emu-ts/base';
import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';

const f32 = (...shape: number[]) => tensorType('f32', shape);
const i32 = (...shape: number[]) => tensorType('i32', shape);

export const cases: readonly OpCase[] = [
  {
    name: 'small',
    inputs: { logits: f32(2, 3, 5), labels: i32(2, 3) },
    attrs: {},
    given: { labels: tensor('i32', [2, 3], [0, 4, 2, 2, 1, 3]) },
  },
  {
    name: 'a label outside selects nothing',
    inputs: { logits: f32(2, 4), labels: i32(2) },
    attrs: {},
    given: { labels: tensor('i32', [2], [-100, 1]) },
  },
  {
    name: 'LLaMA',
    inputs: { logits: f32(1, 128, 32004), labels: i32(1, 128) },
    attrs: {},
    given: { labels: tensor('i32', [1, 128]) },
    benchOnly: true,
  },
];

export const vjpCases: readonly OpCase[] = [
  {
    name: 'small',
    inputs: { dnll: f32(2, 3), logits: f32(2, 3, 5), labels: i32(2, 3), logsumexp: f32(2, 3, 1) },
    attrs: {},
    given: { labels: tensor('i32', [2, 3], [0, 4, 2, -100, 1, 3]) },
  },
];
