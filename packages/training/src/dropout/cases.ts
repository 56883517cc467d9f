import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';
import { drawDropout } from './op.js';

const given = { seed: drawDropout({ seed: 7, index: 3 }) };
const inputs = (...shape: number[]) => ({ x: tensorType('f32', shape), seed: tensorType('i32', [4]) });

export const cases: readonly OpCase[] = [
  { name: 'rows', inputs: inputs(3, 5), attrs: { rate: 0.3, site: 0 }, given },
  { name: 'batch', inputs: inputs(2, 3, 20), attrs: { rate: 0.5, site: 7 }, given },
  { name: 'nothing', inputs: inputs(4, 6), attrs: { rate: 0, site: 1 }, given },
  {
    name: 'LLaMA input',
    inputs: inputs(1, 512, 5120),
    attrs: { rate: 0.05, site: 2 },
    given,
    benchOnly: true,
  },
];
