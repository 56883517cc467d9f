import {
  add,
  defineOp,
  graphOf,
  input,
  interpret,
  mul,
  sub,
  type TensorType,
  tensorType,
  type Value,
} from '@emu-ts/graph';
import { randomTensors } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { packedUpdates } from './packed-updates.js';

/** Small parameters with the same rate and attributes are updated together, and come out as if they were not. */
const f32 = (...shape: number[]) => tensorType('f32', shape);
const updateOp = defineOp({
  name: 'training.adamw',
  inputs: ['param', 'gradient', 'm', 'rate'],
  outputs: ['param', 'm'],
  infer: ({ param, m }, _: { readonly beta: number }) => ({ param, m }),
  decompose({ param, gradient, m, rate }, { beta }) {
    const m1 = add(mul(m, beta), gradient);
    return { param: sub(param, mul(rate, m1)), m: m1 };
  },
});

const rate = input('rate', f32());
const updated = (name: string, type: TensorType, { beta = 0.5, by = rate } = {}) => {
  const [param, gradient, m] = ['param', 'gradient', 'm'].map((part) => input(`${name}.${part}`, type));
  const next = updateOp({ param, gradient, m, rate: by }, { beta });
  return { [`${name}.param`]: next.param, [`${name}.m`]: next.m };
};

/** The shapes that are updated together. */
const updates = (outputs: Readonly<Record<string, Value>>) =>
  packedUpdates(graphOf(outputs))
    .nodes.filter(({ op }) => op === updateOp)
    .map(({ inputs }) => String(inputs.param.shape))
    .sort();

const [bias, table, matrix] = [f32(3), f32(2, 1, 5), f32(65, 64)];

describe('packed updates', () => {
  it('updates what is small together, to the same numbers', () => {
    const outputs = { ...updated('a', bias), ...updated('b', matrix), ...updated('c', table) };
    expect(updates(outputs)).toEqual(['13', '65,64']);
    const graph = graphOf(outputs);
    const tensors = randomTensors(graph.inputs, 1);
    expect(interpret(packedUpdates(graph), tensors)).toEqual(interpret(graph, tensors));
  });

  it('keeps apart what differs in rate or attributes, and scalars', () => {
    const other = input('other', f32());
    const outputs = {
      ...updated('a', bias),
      ...updated('b', bias, { beta: 0.25 }),
      ...updated('c', bias, { by: other }),
      ...updated('d', f32()),
    };
    expect(updates(outputs)).toEqual(['', '3', '3', '3']);
  });

  it('leaves an update alone whose results are read, as by a moving average', () => {
    const a = updated('a', bias);
    expect(updates({ ...a, ...updated('b', bias), average: mul(a['a.param'], 0.5) })).toEqual(['3', '3']);
  });
});
