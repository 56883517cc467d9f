import { type HostTensor, tensor } from '@emu-ts/base';
import { decompose, graphOf, input, interpret, print, pullback, tensorType, type Value } from '@emu-ts/graph';
import { describeOp, expectClose, expectGradients, randomTensors } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { attention, mergeHeads, splitHeads } from './attention.js';
import { cases, vjpCases } from './cases.js';
import { maskValue, sdpaOp, sdpaVjpOp } from './op.js';

describeOp(sdpaOp, cases);
describeOp(sdpaVjpOp, vjpCases);

const f32 = (...shape: number[]) => tensorType('f32', shape);
const operands = (t: number, s: number) => ({
  q: input('q', f32(1, 1, t, 2)),
  k: input('k', f32(1, 1, s, 2)),
  v: input('v', f32(1, 1, s, 2)),
});

describe('attention.sdpa', () => {
  it('means what the paper says', () => {
    const { out } = sdpaOp(operands(2, 3), { scale: 0.5, causal: false });
    expect(print(graphOf({ out: decompose(out.node).out }))).toMatchInlineSnapshot(`
      "(q: f32[1,1,2,2], k: f32[1,1,3,2], v: f32[1,1,3,2]) {
        %0 = prim.transpose(k, permutation=[0,1,3,2]) : f32[1,1,2,3]
        %1 = prim.matmul(q, %0) : f32[1,1,2,3]
        %2 = prim.mul(%1, 0.5) : f32[1,1,2,3]
        %3 = prim.max_reduce(%2, axes=[3]) : f32[1,1,2,1]
        %4 = prim.sub(%2, %3) : f32[1,1,2,3]
        %5 = prim.exp(%4) : f32[1,1,2,3]
        %6 = prim.sum(%5, axes=[3]) : f32[1,1,2,1]
        %7 = prim.div(%5, %6) : f32[1,1,2,3]
        %8 = prim.matmul(%7, v) : f32[1,1,2,2]
      } -> out: %8"
    `);
  });

  it('passes on what logsumexp is used for', () => {
    const given = randomTensors({
      q: f32(1, 2, 3, 2),
      k: f32(1, 2, 3, 2),
      v: f32(1, 2, 3, 2),
      bias: f32(3, 3),
    });
    const attrs = { scale: 0.5, causal: true };
    expectGradients('attention.sdpa residuals', (v) => sdpaOp(v as never, attrs), given);
    const alone = (v: Record<string, ReturnType<typeof input>>) => sdpaOp(v as never, attrs).logsumexp;
    expectGradients('attention.sdpa logsumexp alone', alone, given, ['q', 'k', 'bias']);
  });

  it('sees nothing behind a mask, and weighs all keys evenly where everything is hidden', () => {
    const bias = tensor('f32', [2, 3], [0, maskValue, -Infinity, maskValue, 2 * maskValue, -Infinity]);
    const symbols = { ...operands(2, 3), bias: input('bias', bias) };
    const out = attention(symbols, { scale: 1 });
    const dout = input('dout', out);
    const [dv, dbias] = pullback([[out, dout]], [symbols.v, symbols.bias]);
    const given = randomTensors({ q: f32(1, 1, 2, 2), k: f32(1, 1, 3, 2), v: f32(1, 1, 3, 2), dout });
    const found = interpret(graphOf({ out, dv: dv as Value, dbias: dbias as Value }), { ...given, bias });
    const [v, d] = [given.v, given.dout].map(({ data }) => Array.from(data, Number));
    const mean = [0, 1].map((i) => (v[i] + v[2 + i] + v[4 + i]) / 3);
    const third = [d[2] / 3, d[3] / 3];
    const close = (label: string, actual: HostTensor, { shape }: HostTensor, expected: number[]) =>
      expectClose(label, actual, tensor('f64', shape, expected), { dtype: 'f64', terms: 3, depth: 2 });
    close('out', found.out, given.dout, [v[0], v[1], ...mean]);
    close('dv', found.dv, given.v, [d[0] + third[0], d[1] + third[1], ...third, ...third]);
    expect([...found.dbias.data].map(Number.isFinite)).toEqual(new Array(6).fill(true));
    expect([found.dbias.data[2], found.dbias.data[4], found.dbias.data[5]]).toEqual([0, 0, 0]);
  });

  it('names both sides of what does not fit', () => {
    expect(() => sdpaOp(operands(2, 3), { scale: 1, causal: true })).toThrow(
      /as many queries as keys, got 2 and 3/,
    );
    const { q, k } = operands(2, 3);
    const v = input('v', f32(1, 1, 4, 2));
    expect(() => sdpaOp({ q, k, v }, { scale: 1, causal: false })).toThrow(
      "attention.sdpa: 'v' must be [1,1,3,2], got f32[1,1,4,2].",
    );
    const bias = input('bias', f32(4, 3));
    expect(() => sdpaOp({ ...operands(2, 3), bias }, { scale: 1, causal: false })).toThrow(
      /f32\[4,3\] and f32\[1,1,2,3\] do not broadcast/,
    );
    const wide = input('bias', f32(5, 1, 2, 3));
    expect(() => sdpaOp({ ...operands(2, 3), bias: wide }, { scale: 1, causal: false })).toThrow(
      /'bias' f32\[5,1,2,3\] does not broadcast to \[1,1,2,3\]/,
    );
  });
});

describe('heads', () => {
  it('are split off the last axis and put back', () => {
    const x = tensor(
      'f32',
      [1, 2, 6],
      Array.from({ length: 12 }, (_, i) => i),
    );
    const split = splitHeads(input('x', x), 3);
    const { heads, back } = interpret(graphOf({ heads: split, back: mergeHeads(split) }), { x });
    expect(heads.shape).toEqual([1, 3, 2, 2]);
    expect([...heads.data]).toEqual([0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]);
    expect([...back.data]).toEqual(Array.from(x.data));
    expect(() => splitHeads(input('x', x), 4)).toThrow(/f32\[1,2,6\] does not divide into 4 heads/);
  });
});
