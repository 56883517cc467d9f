import { nnKernels } from '@emu-ts/nn/webgpu';
import { nullGpu } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { expect, it } from 'vitest';
import { emu14bLlama } from '../llama/config.js';
import { llamaModel } from '../llama/model.js';
import { languageModelKernels } from '../webgpu.js';
import { cacheNames, passGraph } from './graphs.js';

/**
 * What a token of LLaMA-13B costs the GPU, counted where nothing is computed: dispatches, and memory beside weights and
 * cache. A change that adds a dispatch to a layer shows here.
 */
it('decodes with so many dispatches', async () => {
  await using executor = await webgpu({
    gpu: await nullGpu(),
    kernels: [...languageModelKernels, ...nnKernels],
  });
  const model = llamaModel({ ...emu14bLlama, weights: 'int4' });
  const settings = { model, cacheDType: 'f16' } as const;
  const shape = {
    batch: 1,
    capacity: 512,
    size: 1,
    from: 'embedding',
    positions: 'last',
    scattered: false,
  } as const;
  const donate = Object.fromEntries(cacheNames(model).map((name) => [name, name]));
  await using program = await executor.compile(passGraph(settings, shape), { donate });
  expect(program.plan()).toMatchInlineSnapshot(`
    "attention.cached ×40 by attention.cached in place
    nn.linear_int4 ×280 by nn.linear_int4 few rows subgroups
    nn.rms_norm ×81 by nn.rms_norm row subgroups
    nn.rope ×80 by nn.rope pair
    nn.silu ×40 by nn.silu
    prim.add ×1 by prim.add (prim.add vec4: the size does not divide by 4)
    prim.add ×80 by prim.add vec4
    prim.iota ×1 by prim.iota
    prim.max ×1 by prim.max (prim.max vec4: the size does not divide by 4)
    prim.mul ×40 by prim.mul vec4
    prim.sub ×1 by prim.sub (prim.sub vec4: the size does not divide by 4)"
  `);
  expect(program.dispatches).toBe(17 * emu14bLlama.layers + 5);
  const rotaryTables = 2 * 4 * emu14bLlama.contextLength * (model.cache.headSize / 2);
  expect(executor.memory().used - rotaryTables).toBeLessThan(2 ** 20);
});
