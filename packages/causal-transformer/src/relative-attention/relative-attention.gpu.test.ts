import { convert, type HostTensor, tensor } from '@emu-ts/base';
import { graphOf, input, interpret, type TensorType, tensorType } from '@emu-ts/graph';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { initialize, paramInputs } from '@emu-ts/params';
import { describeGpu, expectClose, randomTensors, validatedDispatches } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { describe, expect, it } from 'vitest';
import { bucketOf, t5CausalTransformer } from '../index.js';
import { causalTransformerKernels } from '../webgpu.js';
import { relativeAttentionOp } from './op.js';

const f32 = (...shape: number[]) => tensorType('f32', shape);
const buckets = { buckets: 8, maxDistance: 20 };

interface Case {
  readonly sizes: readonly [b: number, t: number, s: number, h: number, d: number, e: number];
  readonly causal: boolean;
}
const cases: readonly Case[] = [
  { sizes: [2, 19, 19, 3, 10, 10], causal: true },
  { sizes: [1, 9, 37, 2, 64, 64], causal: false },
  { sizes: [1, 11, 5, 2, 7, 3], causal: false },
  { sizes: [2, 3, 3, 2, 5, 5], causal: true },
];

const typesOf = ({ sizes: [b, t, s, h, d, e] }: Case): Record<string, TensorType> => ({
  q: f32(b, t, h, d),
  k: f32(b, s, h, d),
  v: f32(b, s, h, e),
  table: f32(buckets.buckets, h),
  ids: tensorType('i32', [t, s]),
});

const attrsOf = ({ sizes: [, , , , d], causal }: Case) => ({ scale: d ** -0.5, causal });

function outputsOf(types: Record<string, TensorType>, given: Case) {
  const { q, k, v, table, ids } = Object.fromEntries(
    Object.entries(types).map(([name, type]) => [name, input(name, type)]),
  );
  return relativeAttentionOp({ q, k, v, table, ids }, attrsOf(given));
}

describeGpu.each(causalTransformerKernels.map((kernel) => [kernel.name, kernel] as const))(
  '%s',
  (_, kernel) => {
    it.each(cases)('equals the interpreter on $sizes', async (given) => {
      await using gpu = await webgpu({ kernels: [kernel] });
      const types = typesOf(given);
      const [, t, s] = given.sizes;
      const { out, logsumexp } = outputsOf(types, given);
      const operands = { ...out.node.inputs, ...out.node.outputs };
      if (kernel.supports?.(operands, out.node.attrs, gpu.capabilities) !== true) return;
      const { ids: _ids, ...floats } = randomTensors(types);
      const tensors = Object.fromEntries(
        Object.entries(floats).map(([name, drawn]) => [name, convert(drawn, 'f32')]),
      );
      const pairs = Array.from({ length: t * s }, (_, i) => bucketOf(Math.floor(i / s) - (i % s), buckets));
      const all = { ...tensors, ids: tensor('i32', [t, s], pairs) };
      const graph = graphOf({ out, logsumexp });
      const expected = interpret(graph, all);
      await using program = await gpu.compile(graph);
      expect(program.plan()).toBe(`causal_transformer.attention ×1 by ${kernel.name}`);
      for (const [name, result] of Object.entries(await program.run(all))) {
        using held = result;
        expectClose(`${kernel.name} ${name}`, await held.read(), expected[name], { depth: 4, terms: s });
      }
    });
  },
);

describe('on the null backend', () => {
  it.each(causalTransformerKernels.map((kernel) => [kernel.name, kernel] as const))(
    '%s validates',
    async (_, kernel) => {
      const given = cases.map((each) => ({ inputs: typesOf(each), attrs: attrsOf(each) }));
      expect(await validatedDispatches(kernel, given)).toBeGreaterThan(0);
    },
  );
});

describeGpu('the causal transformer', () => {
  it('equals the interpreter', async () => {
    const model = t5CausalTransformer({
      queries: 5,
      inputWidth: 12,
      outputWidth: 20,
      width: 18,
      layers: 2,
      heads: 3,
      headWidth: 7,
      mlpWidth: 25,
      ...buckets,
      normEps: 1e-6,
    });
    const features = input('features', f32(2, 10, 12));
    const graph = graphOf({ y: model.forward(paramInputs(model.params), features) });
    const tensors: Record<string, HostTensor> = {
      ...Object.fromEntries(initialize(model.params, { seed: 1 })),
      features: convert(randomTensors({ features }).features, 'f32'),
    };
    const given = Object.fromEntries(Object.keys(graph.inputs).map((name) => [name, tensors[name]]));
    await using gpu = await webgpu({ kernels: [...causalTransformerKernels, ...nnKernels] });
    await using program = await gpu.compile(graph);
    expect(program.plan()).toContain(
      'causal_transformer.attention ×2 fuses attention.sdpa, prim.transpose ×4',
    );
    const results = await program.run(given);
    using y = results.y;
    expectClose('embeddings', await y.read(), interpret(graph, given).y, { terms: 25, depth: 40 });
  });
});
