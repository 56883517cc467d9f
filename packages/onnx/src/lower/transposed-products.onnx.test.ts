import { graphOf, input, matmul, swapLast, tensorType, transpose } from '@emu-ts/graph';
import { expectEqual, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create } from '../../test/kit.js';
import type { OnnxExecutor } from '../index.js';

/** Stacked matrices times transposed ones: broadcast leading axes, and keys whose heads were brought forward. */
const of = (name: string, ...shape: number[]) => input(name, tensorType('f32', shape));
const heads = (name: string) => transpose(of(name, 2, 5, 3, 4), [0, 2, 1, 3]);
const products = {
  scores: matmul(heads('q'), swapLast(heads('k'))),
  broadcastRight: matmul(of('a', 2, 3, 5, 4), swapLast(of('b', 1, 3, 7, 4))),
  broadcastLeft: matmul(of('a', 5, 4), swapLast(of('b', 2, 3, 7, 4))),
};

describe('transposed products', () => {
  let executor: OnnxExecutor;
  beforeAll(async () => {
    executor = await create();
  });
  afterAll(() => executor.dispose());

  for (const [name, y] of Object.entries(products))
    it(`${name}: is one operator that equals the interpreter`, async () => {
      const graph = graphOf({ y });
      expect(executor.plan(graph)).toBe('nn.matmul_transposed ×1 as FusedMatMul');
      await expectEqual(executor, name, { y }, randomInputs(graph.inputs), { terms: 5 });
    });

  it('leaves other transposes and matrices that stand alone to the runtime', () => {
    const turned = transpose(of('b', 4, 2, 7), [1, 0, 2]);
    expect(executor.plan(graphOf({ y: matmul(of('a', 2, 5, 4), turned) }))).toBe('');
    expect(executor.plan(graphOf({ y: matmul(of('a', 5, 4), swapLast(of('b', 7, 4))) }))).toBe('');
  });
});
