import { add, graphOf, input, less, mul, primitiveName, tensorType, type Value, where } from '@emu-ts/graph';
import { expectEqual, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create } from '../../test/kit.js';
import type { OnnxExecutor } from '../index.js';
import { prepare } from './prepare.js';

/** Numbers are as wide as statistics of many rows, and stay numbers beside everything else. */
const of = (...shape: number[]) => input('x', tensorType('f32', shape));
const statistics = of(8, 20, 1);

const numbers = (y: Value, { dynamic = false } = {}): string[] =>
  prepare(graphOf({ y }), { lowerings: [], constants: new Set(), dynamic })
    .graph.nodes.filter(({ op }) => primitiveName(op) === 'full')
    .map(({ attrs }) => String(attrs.shape));

describe('numbers beside statistics', () => {
  let executor: OnnxExecutor;
  beforeAll(async () => {
    executor = await create();
  });
  afterAll(() => executor.dispose());

  const graphs = { factor: mul(statistics, 0.25), choice: where(less(statistics, 0), statistics, 2) };
  for (const [name, y] of Object.entries(graphs))
    it(`${name}: are spread out`, async () => {
      expect(new Set(numbers(y))).toEqual(new Set(['8,20,1']));
      await expectEqual(executor, name, { y }, randomInputs(graphOf({ y }).inputs));
    });

  it('are left alone beside few rows, other tensors, and where sizes depend on named axes', () => {
    expect(numbers(add(of(8, 1), 1))).toEqual(['']);
    expect(numbers(add(of(8, 20), 1))).toEqual(['']);
    expect(numbers(graphs.factor, { dynamic: true })).toEqual(['']);
  });
});
