import {
  concat,
  graphOf,
  input,
  matmul,
  primitiveName,
  reshape,
  split,
  sum,
  swapLast,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import * as nn from '@emu-ts/nn';
import { expectEqual, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create } from '../../test/kit.js';
import type { OnnxExecutor } from '../index.js';
import { nativeLowerings } from '../native/index.js';
import { prepare } from './prepare.js';

/** Nothing that has many rows is cut or joined, forward or backward; where rows are few, the layer stays one. */
const of = (name: string, ...shape: number[]) => input(name, tensorType('f32', shape));
const sizes = [64, 70, 66];

const forward = (positions: number) => {
  const [weight, bias] = [of('weight', 200, 8), of('bias', 200)];
  const { y } = nn.linearOp({ x: of('x', 2, positions, 8), weight, bias }, {});
  const [q, k, v] = split(y, 2, sizes);
  return { y, parts: { q, k, v } };
};

function backward(positions: number): Record<string, Value> {
  const d = concat(
    sizes.map((size, i) => of(`d${i}`, 2, positions, size)),
    2,
  );
  const [dy, x] = [reshape(d, [2 * positions, 200]), of('x', 2 * positions, 8)];
  return { dx: matmul(dy, of('weight', 200, 8)), dweight: matmul(swapLast(dy), x), dbias: sum(dy, 0) };
}

/** Elements of what is cut or joined. */
const moved = (outputs: Readonly<Record<string, Value>>): number =>
  prepare(graphOf(outputs), { lowerings: nativeLowerings, constants: new Set(), dynamic: false })
    .graph.nodes.filter(({ op }) => ['slice', 'concat'].includes(primitiveName(op) ?? ''))
    .reduce((total, { outputs: { y } }) => total + y.shape.reduce((a, b) => a * b), 0);

const parameters = 200 * 9;

describe('joined layers', () => {
  let executor: OnnxExecutor;
  beforeAll(async () => {
    executor = await create();
  });
  afterAll(() => executor.dispose());

  it('compute queries, keys and values one by one', async () => {
    const { parts } = forward(400);
    expect(moved(parts)).toBe(parameters);
    await expectEqual(executor, 'forward', parts, randomInputs(graphOf(parts).inputs), { terms: 8 });
  });

  it('have gradients that are computed so', async () => {
    const gradients = backward(400);
    // What is joined: the weight's gradient and the bias's. What is cut: the weight.
    expect(moved(gradients)).toBe(parameters + 200 * 8);
    const inputs = randomInputs(graphOf(gradients).inputs);
    await expectEqual(executor, 'backward', gradients, inputs, { terms: 800 });
  });

  it('stay one for few rows, and where the whole is read', () => {
    expect(moved(forward(399).parts)).toBe(798 * 200);
    const { y, parts } = forward(400);
    expect(moved({ ...parts, y })).toBe(800 * 200);
    expect(moved(backward(399))).toBe(798 * 200);
  });
});
