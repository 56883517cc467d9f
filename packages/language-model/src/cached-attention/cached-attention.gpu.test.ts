import { convert, tensor } from '@emu-ts/base';
import { graphOf, input, interpret, tensorType, type Value } from '@emu-ts/graph';
import { describeGpu, expectClose, nullGpu, type OpCase, randomTensors } from '@emu-ts/testing';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { languageModelKernels } from '../webgpu.js';
import { cases } from './cases.js';
import { cachedAttentionOp } from './op.js';

/** A past longer than one stretch of 64 positions, kept in halves, with rows that read each other's. */
const long = (dtype: 'f32' | 'f16', d: number): OpCase => {
  const [b, h, t, c, length] = [2, 3, 3, 140, 131];
  const fresh = tensorType('f32', [b, h, t, d]);
  const past = tensorType(dtype, [b, h, c, d]);
  const rows = Array.from({ length: b * c }, (_, i) => (i * 7) % b);
  const given = {
    length: tensor('i32', [], [length]),
    padding: tensor('i32', [b], [0, 66]),
    rows: tensor('i32', [b, c], rows),
  };
  const inputs = { q: fresh, k: fresh, v: fresh, keys: past, values: past, ...given };
  return { name: `131 positions of ${d} in ${dtype}`, inputs, given, attrs: { scale: d ** -0.5 } };
};
const all = [...cases, long('f32', 128), long('f16', 128), long('f32', 6), long('f32', 256)];

const symbolsOf = (inputs: OpCase['inputs']) =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { dtype, shape }]) => [name, input(name, { dtype, shape })]),
  );

describeGpu('attention.cached in place', () => {
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: languageModelKernels });
  });
  afterAll(() => gpu?.dispose());

  it.each(all.filter(({ benchOnly }) => !benchOnly).map((c) => [c.name, c] as const))(
    '%s',
    async (label, { inputs, given, attrs }) => {
      const outputs = cachedAttentionOp(symbolsOf(inputs) as never, attrs as never);
      const drawn = { ...randomTensors(inputs), ...given };
      const tensors = Object.fromEntries(
        Object.entries(inputs).map(([name, { dtype }]) => [name, convert(drawn[name], dtype)]),
      );
      const graph = graphOf(outputs as unknown as Record<string, Value>);
      const expected = interpret(graph, tensors);
      const donate = { keys: 'keysOut', values: 'valuesOut' };
      await using program = await gpu.compile(graph, { donate });
      expect(program.plan()).toBe('attention.cached ×1 by attention.cached in place');
      expect(program.dispatches).toBe(2);
      for (const [name, result] of Object.entries(await program.run(tensors))) {
        using held = result;
        const { dtype } = inputs.keys;
        expectClose(`${label} ${name}`, await held.read(), expected[name], { dtype, terms: 140, depth: 4 });
      }
    },
  );
});

it('validates at the sizes of LLaMA-13B, with and without a type for halves', async () => {
  const gpu = await nullGpu();
  for (const tiers of [undefined, ['core'] as const]) {
    await using executor = await webgpu({ gpu, tiers, kernels: languageModelKernels });
    for (const { inputs, attrs } of all) {
      for (const dtype of ['f32', 'f16'] as const) {
        const past = tensorType(dtype, inputs.keys.shape);
        const outputs = cachedAttentionOp(
          symbolsOf({ ...inputs, keys: past, values: past }) as never,
          attrs as never,
        );
        const graph = graphOf(outputs as unknown as Record<string, Value>);
        await using program = await executor.compile(graph);
        expect(program.dispatches).toBe(2);
      }
    }
  }
});
