import { tensor, toF64 } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType } from '@emu-ts/graph';
import { describeOp } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { cases } from './cases.js';
import { drawDropout, dropout, dropoutOp } from './op.js';

describeOp(dropoutOp, cases);

const [rows, columns] = [300, 200];
const graphFor = (rate: number, site: number) =>
  graphOf({
    y: dropout(input('x', tensorType('f32', [rows, columns])), input('seed', tensorType('i32', [4])), {
      rate,
      site,
    }),
  });

/** 1 where ones are kept. */
function keptBy(rate: number, site: number, index: number): Float64Array {
  const ones = tensor('f32', [rows, columns], new Float32Array(rows * columns).fill(1));
  const { y } = interpret(graphFor(rate, site), { x: ones, seed: drawDropout({ seed: 5, index }) });
  return toF64(y).map((value) => (value === 0 ? 0 : 1));
}

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

/** Four standard deviations of the mean of n draws. */
const within = (rate: number, n: number) => 4 * Math.sqrt((rate * (1 - rate)) / n);

describe('training.dropout', () => {
  it.each([0.05, 0.5])(
    'leaves out the share that is asked for, in every row and column alike: %s',
    (rate) => {
      const kept = keptBy(rate, 3, 0);
      expect(Math.abs(mean(kept) - (1 - rate))).toBeLessThan(within(rate, rows * columns) + 1 / 1021);
      const byRow = Array.from({ length: rows }, (_, r) =>
        mean(kept.subarray(r * columns, (r + 1) * columns)),
      );
      const far = byRow.filter((share) => Math.abs(share - (1 - rate)) > within(rate, columns));
      // A few rows' factor is near 0 modulo the prime; their columns agree more than draws would.
      expect(far.length).toBeLessThan(rows / 20);
    },
  );

  it('keeps the mean of what passes', () => {
    const { y } = interpret(graphFor(0.3, 0), {
      x: tensor('f32', [rows, columns], new Float32Array(rows * columns).fill(1)),
      seed: drawDropout({ seed: 5, index: 1 }),
    });
    expect(Math.abs(mean(toF64(y)) - 1)).toBeLessThan(within(0.3, rows * columns) / 0.7);
  });

  it('leaves out other elements at every site, in every batch, row and column', () => {
    const rate = 0.5;
    const kept = keptBy(rate, 3, 0);
    const agreement = (other: (i: number) => number) =>
      mean(Array.from(kept, (k, i) => (k === other(i) ? 1 : 0)));
    const [site, batch] = [keptBy(rate, 4, 0), keptBy(rate, 3, 1)];
    const shifted = (by: number) => (i: number) => kept[(i + by) % kept.length];
    for (const other of [(i: number) => site[i], (i: number) => batch[i], shifted(1), shifted(columns)])
      expect(Math.abs(agreement(other) - 0.5)).toBeLessThan(0.03);
    expect(keptBy(rate, 3, 0)).toEqual(kept);
  });

  it('refuses a rate that leaves nothing', () => {
    expect(() => graphFor(1, 0)).toThrow(/the rate is 1, wanted 0 up to 1/);
    expect(() =>
      dropout(input('x', tensorType('i32', [2])), input('s', tensorType('i32', [4])), { rate: 0, site: 0 }),
    ).toThrow(/rows of floats/);
  });
});
