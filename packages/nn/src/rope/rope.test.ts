import { tensor } from '@emu-ts/base';
import { constant, graphOf, input, interpret, tensorType } from '@emu-ts/graph';
import { describeOp } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { cases } from './cases.js';
import { ropeOp } from './op.js';
import { rope, ropeTable } from './rope.js';

describeOp(ropeOp, cases, { wrt: ['x'] });

describe('ropeTable', () => {
  const { cos, sin } = ropeTable(2048, 128);

  it('has the frequencies of the reference', () => {
    // cos and sin of position 1 are those of the frequencies, which are rounded to f32 four times on the way.
    const wanted = { 0: 1, 1: 0.8659643233600653, 2: 0.7498942093324559, 63: 1.1547819846894582e-4 };
    expect(cos.shape).toEqual([2048, 64]);
    for (const [i, frequency] of Object.entries(wanted)) {
      const got = Math.atan2(sin.data[64 + Number(i)], cos.data[64 + Number(i)]);
      expect(Math.abs(got - frequency)).toBeLessThanOrEqual(4 * 2 ** -24 * frequency);
    }
  });

  it('is a rotation at every position', () => {
    const gap = cos.data.reduce((m, c, i) => Math.max(m, Math.abs(Math.hypot(c, sin.data[i]) - 1)), 0);
    expect(gap).toBeLessThan(2 ** -23);
  });

  it('needs pairs', () => {
    expect(() => ropeTable(4, 5)).toThrow(/even head size, got 5/);
  });
});

describe('rope', () => {
  it('makes products of queries and keys depend on their distance alone', () => {
    const [t, d] = [6, 10];
    const table = ropeTable(64, d);
    const tables = { cos: constant(table.cos), sin: constant(table.sin) };
    // The same vector at every position, once at 0 … 5 and once at 20 … 25.
    const row = Array.from({ length: d }, (_, i) => Math.sin(i + 1));
    const x = tensor('f32', [1, 1, t, d], Array.from({ length: t }, () => row).flat());
    const at = (start: number) =>
      interpret(graphOf({ y: rope(input('x', x), input('positions', tensorType('i32', [1, t])), tables) }), {
        x,
        positions: tensor(
          'i32',
          [1, t],
          Array.from({ length: t }, (_, i) => start + i),
        ),
      }).y.data;
    const product = (y: Float64Array, i: number, j: number) =>
      row.reduce((s, _, c) => s + y[i * d + c] * y[j * d + c], 0);
    const [near, far] = [at(0), at(20)];
    for (let i = 0; i < t; i++)
      for (let j = 0; j < t; j++) expect(product(far, i, j)).toBeCloseTo(product(near, i, j), 5);
    expect(product(near, 0, 3)).not.toBeCloseTo(product(near, 0, 1), 2);
  });

  it('refuses odd heads and tables of another width', () => {
    const positions = input('positions', tensorType('i32', [1, 2]));
    const table = (width: number) => input('cos', tensorType('f32', [4, width]));
    const x = (d: number) => input('x', tensorType('f32', [1, 1, 2, d]));
    expect(() => ropeOp({ x: x(5), positions, cos: table(2), sin: table(2) }, {})).toThrow(
      /head size of f32\[1,1,2,5\] is odd/,
    );
    expect(() => ropeOp({ x: x(6), positions, cos: table(2), sin: table(2) }, {})).toThrow(
      /'cos' must be \[4,3\], got f32\[4,2\]/,
    );
  });
});
