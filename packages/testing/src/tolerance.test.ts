import { tensor } from '@emu-ts/base';
import { describe, expect, it } from 'vitest';
import { difference } from './tolerance.js';

const row = (...numbers: number[]) => tensor('f64', [numbers.length], numbers);

describe('difference', () => {
  it('is the largest, with its place', () => {
    expect(difference('x', row(1, 2.5, 4), row(1, 2, 4.25))).toMatchObject({ absolute: 0.5, at: 1 });
    expect(difference('x', row(1, 2), row(1, 4))).toMatchObject({ absolute: 2, relative: 0.5 });
  });

  it.each([
    ['not a number', row(Number.NaN, 2, 3), row(1, 2, 3), 0],
    ['not a number where one is wanted', row(1, 2, 3), row(1, Number.NaN, 3), 1],
    ['infinite', row(1, Number.POSITIVE_INFINITY, 3), row(1, 2, 3), 1],
    ['infinite to the other side', row(Number.NEGATIVE_INFINITY, 2), row(Number.POSITIVE_INFINITY, 2), 0],
  ])('is infinite where one alone is %s, whatever follows', (_, actual, expected, at) => {
    const found = difference('x', actual, expected);
    expect(found).toMatchObject({ absolute: Number.POSITIVE_INFINITY, at });
    expect(found.absolute <= found.tolerance).toBe(false);
  });

  it('is none where both are no numbers alike', () => {
    const both = row(Number.NaN, Number.NEGATIVE_INFINITY, 1);
    expect(difference('x', both, both).absolute).toBe(0);
  });
});
