import { readmeExamples } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import {
  bf16ToF32,
  breathe,
  convert,
  EmuError,
  f16ToF32,
  f32ToBf16,
  f32ToF16,
  philoxBlock,
  random,
  ShapeError,
  tensor,
  toF64,
  viewAs,
} from './index.js';

describe('half floats', () => {
  it('round-trip every 16-bit pattern', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const half = f16ToF32(bits);
      if (Number.isNaN(half)) expect(Number.isNaN(f16ToF32(f32ToF16(half)))).toBe(true);
      else if (f32ToF16(half) !== bits)
        throw new Error(`f16 ${bits.toString(16)} became ${f32ToF16(half).toString(16)}`);
      const brain = bf16ToF32(bits);
      if (!Number.isNaN(brain) && f32ToBf16(brain) !== bits) throw new Error(`bf16 ${bits.toString(16)}`);
    }
  });

  it('round to nearest, ties to even', () => {
    const cases: [number, number][] = [
      [1 + 2 ** -11, 0x3c00], // halfway to the next: even is below
      [1 + 3 * 2 ** -11, 0x3c02], // halfway: even is above
      [65504, 0x7bff],
      [65519.99, 0x7bff],
      [65520, 0x7c00], // halfway to 65536: infinity
      [2 ** -25, 0], // halfway to the smallest subnormal
      [2 ** -24 * 1.5, 2],
      [-0, 0x8000],
    ];
    for (const [x, bits] of cases) expect(f32ToF16(x), String(x)).toBe(bits);
    expect(f32ToBf16(1 + 2 ** -8)).toBe(0x3f80);
    expect(f32ToBf16(1 + 3 * 2 ** -8)).toBe(0x3f82);
  });
});

describe('philox', () => {
  it('gives the published known-answer vectors', () => {
    const out = new Uint32Array(4);
    philoxBlock([0, 0, 0, 0], [0, 0], out);
    expect([...out]).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    const ones = 0xffffffff;
    philoxBlock([ones, ones, ones, ones], [ones, ones], out);
    expect([...out]).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
    philoxBlock([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], out);
    expect([...out]).toEqual([0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]);
  });

  it('gives the same number wherever one starts', () => {
    const whole = random(7, 3);
    for (const kind of ['bits', 'uniform', 'normal'] as const) {
      const all = [...whole[kind](40)];
      for (const start of [1, 2, 5, 17])
        expect([...random(7, 3)[kind](9, start)]).toEqual(all.slice(start, start + 9));
    }
  });

  it('is normal enough: mean, variance and kurtosis of 100,000 numbers', () => {
    const x = random(1).normal(100_000);
    const moment = (k: number) => x.reduce((sum, v) => sum + v ** k, 0) / x.length;
    // Standard errors of the k-th moment are sqrt((E x^2k − (E x^k)²) / n); five of them are allowed.
    const within = (value: number, wanted: number, variance: number) =>
      expect(Math.abs(value - wanted)).toBeLessThan(5 * Math.sqrt(variance / x.length));
    within(moment(1), 0, 1);
    within(moment(2), 1, 2);
    within(moment(4), 3, 105 - 9);
  });
});

describe('tensors', () => {
  it('convert between dtypes', () => {
    const brain = tensor('bf16', [2], [1.5, -2]);
    expect([...convert(brain, 'f32').data]).toEqual([1.5, -2]);
    expect([...toF64(tensor('i64', [2], [3, -4]))]).toEqual([3, -4]);
    expect(convert(brain, 'bf16')).toBe(brain);
  });

  it('refuse data that does not fill the shape', () => {
    expect(() => tensor('f32', [2, 3], [1])).toThrow(ShapeError);
    expect(() => tensor('f32', [2, 3], [1])).toThrow('A tensor of shape [2,3] holds 6 elements, got 1.');
  });

  it('view bytes at any offset', () => {
    const bytes = new Uint8Array(9);
    new DataView(bytes.buffer).setFloat32(1, 2.5, true);
    expect(viewAs('f32', bytes.subarray(1, 5))[0]).toBe(2.5);
    expect(viewAs('f32', Buffer.from(bytes.buffer, 1, 4))[0]).toBe(2.5);
  });
});

describe('errors and aborts', () => {
  it('carry a code and a hint', () => {
    const error = new EmuError('CODE', 'Got a, wanted b.', { hint: 'Do c.' });
    expect(error).toMatchObject({ code: 'CODE', hint: 'Do c.', message: 'Got a, wanted b. Do c.' });
  });

  it('reject a breath that is aborted while it waits', async () => {
    const controller = new AbortController();
    const waiting = breathe(controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });
});

readmeExamples(import.meta.url);
