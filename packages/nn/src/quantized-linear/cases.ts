import { type HostTensor, random } from '@emu-ts/base';
import { tensorType } from '@emu-ts/graph';
import type { OpCase } from '@emu-ts/testing';
import { groupSize, type QuantizedBits } from './op.js';

const f32 = (...shape: number[]) => tensorType('f32', shape);

const codes = (n: number, groups: number, bits: QuantizedBits): HostTensor => {
  const bytes = (groupSize * bits) / 8;
  const data = Uint8Array.from(random(3).bits(n * groups * bytes), (word) => word & 255);
  return { dtype: 'u8', shape: [n, groups, bytes], data };
};

/** The same shapes for both widths: whole groups, a ragged last group, and less than one. */
export const casesOf = (bits: QuantizedBits): readonly OpCase[] => [
  ...[
    { name: 'two groups', x: [2, 3, 64], n: 3, bias: true },
    { name: 'width 60', x: [2, 60], n: 2, bias: false },
    { name: 'head size 10', x: [1, 10], n: 2, bias: true },
  ].map(({ name, x, n, bias }) => {
    const groups = Math.ceil(x[x.length - 1] / groupSize);
    const given = { codes: codes(n, groups, bits) };
    const scales = tensorType('f16', [n, groups]);
    return {
      name,
      inputs: { x: f32(...x), codes: given.codes, scales, ...(bias ? { bias: f32(n) } : {}) },
      attrs: {},
      given,
      // Codes reach 2^(bits−1), so sums are that much larger than their inputs.
      expectation: { magnitude: 2 ** (bits - 1) * 16 },
    };
  }),
  {
    name: 'LLaMA up',
    inputs: {
      x: f32(1, 5120),
      codes: tensorType('u8', [13824, 160, (groupSize * bits) / 8]),
      scales: tensorType('f16', [13824, 160]),
    },
    attrs: {},
    benchOnly: true,
  },
];
