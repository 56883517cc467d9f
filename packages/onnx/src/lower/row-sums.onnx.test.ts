import { graphOf, input, primitiveName, sum, tensorType } from '@emu-ts/graph';
import { expectEqual, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create } from '../../test/kit.js';
import type { OnnxExecutor } from '../index.js';
import { prepare } from './prepare.js';

/** Sums over rows: several abreast where they are many, whatever axes they stand on; all others as they are. */
const sumOf = (shape: readonly number[], axes: readonly number[], dtype: 'f32' | 'f64' = 'f32') => ({
  y: sum(input('x', tensorType(dtype, shape)), axes),
});

/** What is summed up, one after the other. */
const steps = (outputs: ReturnType<typeof sumOf>, { dynamic = false } = {}): string[] =>
  prepare(graphOf(outputs), { lowerings: [], constants: new Set(), dynamic })
    .graph.nodes.filter(({ op }) => primitiveName(op) === 'sum')
    .map(({ inputs: { x } }) => String(x.shape));

describe('sums over rows', () => {
  let executor: OnnxExecutor;
  beforeAll(async () => {
    executor = await create();
  });
  afterAll(() => executor.dispose());

  const large = { matrix: sumOf([700, 97], [0]), stacked: sumOf([7, 100, 97], [0, 1]) };
  for (const [name, outputs] of Object.entries(large))
    it(`${name}: is taken in two steps and equals the interpreter`, async () => {
      expect(steps(outputs)).toEqual(['35,1940', '20,97']);
      await expectEqual(executor, name, outputs, randomInputs(graphOf(outputs).inputs), { terms: 700 });
    });

  it('leaves small ones, wide ones, a prime number of rows, other axes and other formats alone', () => {
    const rest = [
      sumOf([600, 97], [0]),
      sumOf([64, 1025], [0]),
      sumOf([701, 97], [0]),
      sumOf([700, 97], [1]),
      sumOf([7, 100, 97], [1]),
      sumOf([700, 97], [0], 'f64'),
    ];
    expect(rest.map((outputs) => steps(outputs).length)).toEqual(rest.map(() => 1));
  });

  it('leaves sizes that depend on named axes alone', () => {
    expect(steps(large.matrix, { dynamic: true })).toEqual(['700,97']);
  });
});
