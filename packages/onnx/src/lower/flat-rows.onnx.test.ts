import {
  add,
  graphOf,
  input,
  matmul,
  mul,
  primitiveName,
  reshape,
  sum,
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

/** Between products shapes change where they have to, and nothing that reads rows sees another number of axes. */
const of = (name: string, ...shape: number[]) => input(name, tensorType('f32', shape));
const stacked = (y: Value) => reshape(y, [2, 5, 4]);
const x = of('x', 2, 5, 4);
const product = stacked(matmul(of('a', 10, 3), of('b', 3, 4)));
const linear = (of_: Value, name: string) => nn.linearOp({ x: of_, weight: of(name, 4, 4) }, {}).y;

const block = () => {
  const normal = nn.layerNormOp({ x, weight: of('scale', 4), bias: of('shift', 4) }, { eps: 1e-5 });
  const hidden = nn.silu(add(linear(normal.y, 'up'), of('one', 1, 1, 4)));
  const y = add(x, linear(mul(hidden, linear(normal.y, 'gate')), 'down'));
  return { y, total: sum(mul(y, normal.rstd), -1, true) };
};

const reshapes = (outputs: Readonly<Record<string, Value>>, { dynamic = false } = {}): number =>
  prepare(graphOf(outputs), { lowerings: nativeLowerings, constants: new Set(), dynamic }).graph.nodes.filter(
    ({ op }) => primitiveName(op) === 'reshape',
  ).length;

describe('flat rows', () => {
  let executor: OnnxExecutor;
  beforeAll(async () => {
    executor = await create();
  });
  afterAll(() => executor.dispose());

  it('change their shape at the ends of a block alone', async () => {
    const outputs = block();
    // x, the statistics, and the vector [1 1 4] at the beginning; both outputs at the end.
    expect(reshapes(outputs)).toBe(6);
    await expectEqual(executor, 'block', outputs, randomInputs(graphOf(outputs).inputs), { terms: 16 });
  });

  it('keep their shape beside what differs from position to position, and for other axes', () => {
    const positions = { y: add(product, of('p', 5, 4)) };
    expect(reshapes(positions)).toBe(1);
    expect(reshapes({ y: sum(product, 1) })).toBe(reshapes({ y: sum(x, 1) }) + 1);
  });

  it('change it once where it is changed twice', () => {
    expect(reshapes({ y: reshape(product, [5, 2, 4]) })).toBe(1);
  });

  it('keep it where sizes depend on named axes', () => {
    expect(reshapes(block(), { dynamic: true })).toBe(0);
  });
});
