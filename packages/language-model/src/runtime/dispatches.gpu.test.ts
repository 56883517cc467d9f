import { nnKernels } from '@emu-ts/nn/webgpu';
import { nullGpu } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { expect, it } from 'vitest';
import { emu14bLlama, type LoraConfig, type WeightDType } from '../llama/config.js';
import { llamaModel } from '../llama/model.js';
import { languageModelKernels } from '../webgpu.js';
import { cacheNames, type PassShape, passGraph } from './graphs.js';

/**
 * What a token of LLaMA-13B costs the GPU, counted where nothing is computed: dispatches, and memory beside weights and
 * cache. A change that adds a dispatch to a layer shows here.
 */
const shape: PassShape = {
  batch: 1,
  capacity: 512,
  size: 1,
  from: 'embedding',
  positions: 'last',
  scattered: false,
};

const kernels = [...languageModelKernels, ...nnKernels];

function step(weights: WeightDType, over: Partial<PassShape> = {}, lora?: LoraConfig) {
  const model = llamaModel({ ...emu14bLlama, weights, lora });
  const donate = Object.fromEntries(cacheNames(model).map((name) => [name, name]));
  return { model, donate, graph: passGraph({ model, cacheDType: 'f16' }, { ...shape, ...over }) };
}

it('decodes with so many dispatches', async () => {
  await using executor = await webgpu({ gpu: await nullGpu(), kernels });
  const { model, donate, graph } = step('int4');
  await using program = await executor.compile(graph, { donate });
  expect(program.plan()).toMatchInlineSnapshot(`
    "language_model.attention_step_int4 ×40 by language_model.attention_step_int4 few rows
    language_model.attention_step_int4 ×40 fuses attention.cached, nn.linear_int4 ×4, nn.rms_norm, nn.rope ×2, prim.add
    language_model.feed_forward_step_int4 ×40 by language_model.feed_forward_step_int4 few rows
    language_model.feed_forward_step_int4 ×40 fuses nn.linear_int4 ×3, nn.rms_norm, nn.silu, prim.add, prim.mul
    nn.linear_int4_norm ×1 not fused: nn.linear_int4_norm tiled split subgroups: 1 rows <= 8
    nn.rms_norm ×1 by nn.rms_norm row subgroups
    prim.max ×1 by prim.max (prim.max vec4: the size does not divide by 4)
    prim.sub ×1 by prim.sub (prim.sub vec4: the size does not divide by 4)"
  `);
  expect(program.dispatches).toBe(6 * emu14bLlama.layers + 3);
  const rotaryTables = 2 * 4 * emu14bLlama.contextLength * (model.cache.headSize / 2);
  expect(executor.memory().used - rotaryTables).toBeLessThan(2 ** 20);
});

it('decodes with as many at eight bits, for beams', async () => {
  await using executor = await webgpu({ gpu: await nullGpu(), kernels });
  const { donate, graph } = step('int8', { batch: 5, capacity: 2048, scattered: true });
  await using program = await executor.compile(graph, { donate });
  expect(program.dispatches).toBe(6 * emu14bLlama.layers + 3);
});

it('decodes with four dispatches more for the low-rank updates of a layer', async () => {
  await using executor = await webgpu({ gpu: await nullGpu(), kernels });
  const { donate, graph } = step('int4', {}, { r: 16, alpha: 16 });
  await using program = await executor.compile(graph, { donate });
  expect(program.dispatches).toBe((6 + 4) * emu14bLlama.layers + 3);
});

it.each(['int4', 'int8'] as const)('reads a prompt in two dispatches less a layer: %s', async (weights) => {
  const gpu = await nullGpu();
  const layers = 2;
  const model = llamaModel({ ...emu14bLlama, layers, weights });
  const graph = passGraph({ model, cacheDType: 'f16' }, { ...shape, size: 128, from: 'embeddings' });
  const count = async (given: typeof kernels) => {
    await using executor = await webgpu({ gpu, kernels: given });
    return { ...executor.cost(graph), plan: executor.plan(graph) };
  };
  const before = await count(kernels.filter(({ op }) => !op.name.endsWith('_gated')));
  const after = await count(kernels);
  expect(before.dispatches - after.dispatches).toBe(2 * layers);
  expect(after.written).toBeLessThan(before.written);
  expect(after.plan).toContain(
    `nn.linear_${weights}_gated ×2 fuses nn.linear_${weights} ×2, nn.silu, prim.mul`,
  );
  expect(after.dispatches).toMatchInlineSnapshot(`38`);
});

/** On this device their larger weights lie in parts; where bindings are larger, as much is fused as in four bits. */
it.each(['f16', 'f32'] as const)('decodes in %s', async (weights) => {
  await using executor = await webgpu({ gpu: await nullGpu(), kernels });
  const { donate, graph } = step(weights, { batch: 2 });
  await using program = await executor.compile(graph, { donate });
  expect(program.plan()).toContain('language_model.attention_step ×40 by');
  Object.defineProperty(executor.device, 'limits', {
    value: { maxStorageBufferBindingSize: 2 ** 30, maxBufferSize: 2 ** 30 },
  });
  expect(executor.plan(graph).replaceAll(/nn\.linear(?= ×|_norm)/g, 'nn.linear_int4')).toBe(
    executor.plan(step('int4', { batch: 2 }).graph).replaceAll('step_int4', 'step'),
  );
});
