import { tensor } from '@emu-ts/base';
import { causalTransformerChecks } from '@emu-ts/contracts/conformance';
import { graphOf, input, interpret, interpreter } from '@emu-ts/graph';
import { flatten, initialize, paramInputs, tensorSource } from '@emu-ts/params';
import { describe, expect, it } from 'vitest';
import { averagePooling, causalTransformer } from './index.js';

/** Pools a 4×4 grid of one channel that counts 0 … 15, after a class token of 1000, without projecting. */
function pooled(queries: number): number[] {
  const model = averagePooling({ queries, inputWidth: 1, outputWidth: 1 });
  const features = tensor('f32', [1, 17, 1], [1000, ...Array.from({ length: 16 }, (_, i) => i)]);
  const y = model.forward(paramInputs(model.params), input('features', features));
  const identity = {
    'pooling.projection.weight': tensor('f32', [1, 1], [1]),
    'pooling.projection.bias': tensor('f32', [1]),
  };
  const { data, shape } = interpret(graphOf({ y }), { features, ...identity }).y;
  expect(shape).toEqual([1, queries, 1]);
  return [...data];
}

const rounded = (xs: readonly number[]) => xs.map((x) => Math.fround(x));

describe('averagePooling', () => {
  it('averages cells of the most nearly square grid, row by row', () => {
    expect(pooled(4)).toEqual([2.5, 4.5, 10.5, 12.5]);
    expect(pooled(8)).toEqual([2, 3, 4, 5, 10, 11, 12, 13]);
    expect(pooled(1)).toEqual([7.5]);
    expect(pooled(16)).toEqual(Array.from({ length: 16 }, (_, i) => i));
  });

  it('lets cells overlap where they do not divide the grid', () => {
    // One row of five cells over four columns: 0, 0–1, 1–2, 2–3, 3.
    const means = [6, 6.5, 7.5, 8.5, 9];
    expect(rounded(pooled(5))).toEqual(rounded(means));
  });

  it('refuses what is not a class token and a square grid', () => {
    const model = averagePooling({ queries: 4, inputWidth: 2, outputWidth: 3 });
    const p = paramInputs(model.params);
    for (const tokens of [1, 16]) {
      const features = input('features', { dtype: 'f32', shape: [1, tokens, 2] });
      expect(() => model.forward(p, features)).toThrow(/class token and a square grid/);
    }
  });

  it('has a checkpoint name of its own', () => {
    const { params } = averagePooling({ queries: 4, inputWidth: 2, outputWidth: 3 });
    expect([...flatten(params).keys()]).toEqual(['pooling.projection.weight', 'pooling.projection.bias']);
  });
});

describe('the component with average pooling', () => {
  const model = averagePooling({ queries: 5, inputWidth: 12, outputWidth: 9 });
  const source = tensorSource(initialize(model.params, { seed: 1 }));
  const create = () => causalTransformer({ executor: interpreter(), model, source });

  for (const { name, run } of causalTransformerChecks(create, 10)) it(name, run);
});
