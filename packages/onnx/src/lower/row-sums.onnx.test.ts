import { graphOf, input, primitiveName, sum, tensorType } from '@emu-ts/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create, expectEqual, randomInputs } from '../../test/kit.js';
import type { OnnxExecutor } from '../index.js';
import { prepare } from './prepare.js';

/** Sums over rows: of many, whatever axes they stand on, by a product; of few or of other formats as they are. */
const options = { lowerings: [], constants: new Set<string>(), dynamic: false };
const sumOf = (shape: readonly number[], axes: readonly number[], dtype: 'f32' | 'f64' = 'f32') => ({
  y: sum(input('x', tensorType(dtype, shape)), axes),
});

const products = (outputs: ReturnType<typeof sumOf>, { dynamic = false } = {}): number =>
  prepare(graphOf(outputs), { ...options, dynamic }).graph.nodes.filter(
    ({ op }) => primitiveName(op) === 'matmul',
  ).length;

describe('sums over rows', () => {
  let executor: OnnxExecutor;
  beforeAll(async () => {
    executor = await create();
  });
  afterAll(() => executor.dispose());

  const large = { matrix: sumOf([700, 97], [0]), stacked: sumOf([7, 100, 97], [0, 1]) };
  for (const [name, outputs] of Object.entries(large))
    it(`${name}: is a product that equals the interpreter`, async () => {
      expect(products(outputs)).toBe(1);
      await expectEqual(executor, name, outputs, randomInputs(graphOf(outputs).inputs), { terms: 700 });
    });

  it('leaves small ones, few rows, other axes and other formats alone', () => {
    expect(products(sumOf([300, 97], [0]))).toBe(0);
    expect(products(sumOf([200, 970], [0]))).toBe(0);
    expect(products(sumOf([700, 97], [1]))).toBe(0);
    expect(products(sumOf([7, 100, 97], [1]))).toBe(0);
    expect(products(sumOf([700, 97], [0], 'f64'))).toBe(0);
  });

  it('leaves sizes that depend on named axes alone', () => {
    expect(products(large.matrix, { dynamic: true })).toBe(0);
  });
});
