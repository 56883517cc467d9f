import { graphOf, input, matmul, primitiveName, tensorType, transpose, type Value } from '@emu-ts/graph';
import { expectEqual, randomInputs } from '@emu-ts/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create } from '../../test/kit.js';
import type { OnnxExecutor } from '../index.js';
import { prepare } from './prepare.js';

/** Products contracted over rows: turned over by the runtime, by the narrower operand, or beforehand and once for all. */
const rows = 300;
const operand = (name: string, columns: number) => input(name, tensorType('f32', [rows, columns]));
const product = (a: Value, b: Value) => matmul(transpose(a, [1, 0]), b);

const shared = operand('shared', 20);
const graphs = {
  wideLeft: { graph: { y: product(operand('a', 130), operand('b', 20)) }, transposes: ['1,0'] },
  wideRight: { graph: { y: product(operand('a', 20), operand('b', 130)) }, transposes: ['1,0', '1,0'] },
  bothWide: { graph: { y: product(operand('a', 140), operand('b', 130)) }, transposes: ['1,2,0', '1,0'] },
  bothWideLeft: { graph: { y: product(operand('a', 130), operand('b', 140)) }, transposes: ['1,2,0'] },
  shared: {
    graph: { y: product(operand('a', 20), shared), z: product(operand('b', 30), shared) },
    transposes: ['1,2,0', '1,0', '1,0'],
  },
};

describe('tall products', () => {
  let executor: OnnxExecutor;
  beforeAll(async () => {
    executor = await create();
  });
  afterAll(() => executor.dispose());

  for (const [name, { graph: outputs, transposes }] of Object.entries(graphs)) {
    const graph = graphOf(outputs);

    it(`${name}: turns over what is least`, () => {
      const options = { lowerings: [], constants: new Set<string>(), dynamic: false };
      const { nodes } = prepare(graph, options).graph;
      const found = nodes.filter(({ op }) => primitiveName(op) === 'transpose');
      expect(found.map(({ attrs }) => String(attrs.permutation))).toEqual(transposes);
    });

    it(`${name}: equals the interpreter`, async () => {
      await expectEqual(executor, name, outputs, randomInputs(graph.inputs), { terms: rows });
    });
  }

  it('leaves sizes that depend on named axes alone', () => {
    const graph = graphOf(graphs.bothWide.graph);
    const prepared = prepare(graph, { lowerings: [], constants: new Set(), dynamic: true });
    expect(prepared.graph.nodes).toHaveLength(graph.nodes.length);
  });
});
