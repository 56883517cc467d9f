import { f16ToF32, random, tensor, toF64 } from '@emu-ts/base';
import { graphOf, input, interpret } from '@emu-ts/graph';
import { mapParams } from '@emu-ts/params';
import { describeOp } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { linear } from '../linear/linear.js';
import { casesOf } from './cases.js';
import { linearInt4Op, linearInt8Op, type QuantizedBits } from './op.js';
import { quantizeLinear } from './quantize.js';
import { quantizedLinearParams } from './quantized-linear.js';

describeOp(linearInt8Op, casesOf(8));
describeOp(linearInt4Op, casesOf(4));

describe.each([4, 8] as const)('quantizeLinear to %i bits', (bits: QuantizedBits) => {
  const [n, k] = [5, 60];
  const weight = tensor('f32', [n, k], random(2).normal(n * k));
  const quantized = quantizeLinear(weight, bits);

  it('has the shapes that its parameters declare', () => {
    const declared = quantizedLinearParams(k, n, { bits, bias: false });
    mapParams(declared, (name, { dtype, shape }) => {
      const got = quantized[name as 'codes' | 'scales'];
      expect({ dtype: got.dtype, shape: got.shape }).toEqual({ dtype, shape });
    });
  });

  it('is read back by `linear` within half a step of each group', () => {
    const x = tensor('f64', [k, k]); // the identity, so that y is the weight transposed
    for (let i = 0; i < k; i++) x.data[i * k + i] = 1;
    const p = { codes: input('codes', quantized.codes), scales: input('scales', quantized.scales) };
    const y = linear(p, input('x', { dtype: 'f32', shape: [k, k] }));
    const back = interpret(graphOf({ y }), { x, ...quantized }).y.data;
    const exact = toF64(weight);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < k; j++) {
        const group = exact.subarray(
          i * k + 32 * Math.floor(j / 32),
          i * k + Math.min(k, 32 * Math.floor(j / 32) + 32),
        );
        const step = Math.max(...group.map(Math.abs)) / (2 ** (bits - 1) - 1);
        // Half a step of rounding, or a whole one where the shorter side of the range is clipped; and the f16 scale.
        expect(Math.abs(back[j * n + i] - exact[i * k + j])).toBeLessThanOrEqual(step * (1 + 2 ** -4));
      }
  });

  it('fills the codes beyond k with zero', () => {
    const bytes = quantized.codes.shape[2];
    const tail = quantized.codes.data.subarray(bytes + (28 * bits) / 8, 2 * bytes);
    expect([...tail]).toEqual(tail.length ? [...tail].map(() => (bits === 4 ? 0x88 : 0x80)) : []);
    expect(tail.length).toBe((4 * bits) / 8);
  });
});

describe('quantizeLinear', () => {
  it('packs the even element into the low half', () => {
    const { codes, scales } = quantizeLinear(tensor('f32', [1, 32], [-8, 1, 7, ...Array(29).fill(0)]), 4);
    expect(f16ToF32(scales.data[0])).toBe(1);
    expect([...codes.data.subarray(0, 3)]).toEqual([0x90, 0x8f, 0x88]);
  });

  it('keeps zeros', () => {
    const { codes, scales } = quantizeLinear(tensor('f32', [1, 40]), 8);
    expect(new Set(codes.data)).toEqual(new Set([128]));
    expect([...scales.data]).toEqual([0, 0]);
  });

  it('refuses what an f16 scale cannot span', () => {
    for (const bad of [1e9, Number.NaN])
      expect(() => quantizeLinear(tensor('f32', [1, 2], [bad, 1]), 4)).toThrow(
        expect.objectContaining({ code: 'QUANTIZE_RANGE' }),
      );
    expect(() => quantizeLinear(tensor('f32', [4]), 4)).toThrow(expect.objectContaining({ code: 'SHAPE' }));
  });

  it('is refused by an input of another width', () => {
    const { codes, scales } = quantizeLinear(tensor('f32', [2, 64]), 4);
    const p = { codes: input('codes', codes), scales: input('scales', scales) };
    expect(() => linear(p, input('x', { dtype: 'f32', shape: [3, 96] }))).toThrow(
      /u8\[2,3,16\].*f32\[3,96\].*u8\[2,2,16\]/,
    );
  });
});
