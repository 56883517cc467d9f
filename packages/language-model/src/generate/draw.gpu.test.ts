import type { HostTensor } from '@emu-ts/base';
import { interpreter } from '@emu-ts/graph';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { initialize } from '@emu-ts/params';
import { describeGpu, nullGpu, watchReads } from '@emu-ts/testing';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tinyConfig, tinyLlama } from '../../test/tiny-llama.js';
import { embedPrompts, emu14bLlama, type GenerateOptions, generate, llamaModel, stream } from '../index.js';
import { cacheNames, drawGraph } from '../runtime/graphs.js';
import { languageModelKernels } from '../webgpu.js';

/** Tokens drawn where the logits are equal those that the host draws; nothing waits for them. */
const tokens = { begin: 1, end: 2, pad: 0 };
const prompts = [
  [1, 7, 9, 4],
  [1, 5],
];
const kernels = [...languageModelKernels, ...nnKernels];

const ways: readonly (readonly [string, Partial<GenerateOptions>])[] = [
  ['greedy', {}],
  ['greedy, with a penalty and not too short', { repetitionPenalty: 1.3, minLength: 6 }],
  ['sampling', { sampling: { seed: 3 } }],
  [
    'three samples of each',
    { sequences: 3, sampling: { seed: 5, temperature: 1.4, topK: 9, topP: 0.9 }, minNewTokens: 3 },
  ],
];

describeGpu('generation', () => {
  let gpu: WebGpuExecutor;
  beforeAll(async () => {
    gpu = await webgpu({ kernels });
  });
  afterAll(() => gpu?.dispose());

  it('draws the tokens that the host draws, several steps ahead of it', async () => {
    await using here = await tinyLlama({ executor: interpreter() });
    await using there = await tinyLlama({ executor: gpu });
    const prompt = await embedPrompts(here, prompts, { pad: 0 });
    for (const [name, way] of ways) {
      const options = { tokens, maxNewTokens: 9, ...way };
      const wanted = await generate(here, prompt, options);
      let found: typeof wanted = [];
      const { most } = await watchReads(gpu.device, async () => {
        found = await generate(there, prompt, options);
      });
      expect(found, name).toEqual(wanted);
      expect(most, name).toBeGreaterThan(1);
    }
  });

  it('ends when it is aborted or left, and frees what it held', async () => {
    await using there = await tinyLlama({ executor: gpu });
    const prompt = await embedPrompts(there, prompts, { pad: 0 });
    const options = {
      tokens,
      maxNewTokens: 12,
      minNewTokens: 11,
      sampling: { seed: 1 },
      repetitionPenalty: 1.1,
    };
    await generate(there, prompt, options);
    const before = gpu.memory().used;
    let events = 0;
    for await (const _ of stream(there, prompt, options)) if (++events > 6) break;
    expect(gpu.memory().used).toBe(before);
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = async () => {
      for await (const _ of stream(there, prompt, { ...options, signal }))
        if (++events > 16) controller.abort();
    };
    await expect(aborted()).rejects.toMatchObject({ name: 'AbortError' });
    expect(gpu.memory().used).toBe(before);
  });
});

describeGpu('a device that goes away', () => {
  it('ends a generation with a typed error, and a new one takes over', async () => {
    const config = { ...tinyConfig, layers: 1 };
    const drawn = initialize(llamaModel(config).params, { seed: 4 });
    const restore = async (name: string) => drawn.get(name) as HostTensor;
    await using gpu = await webgpu({ kernels, restore });
    await using there = await tinyLlama({ executor: gpu }, config);
    const prompt = await embedPrompts(there, prompts, { pad: 0 });
    const options = { tokens, maxNewTokens: 8, minNewTokens: 7 };
    const wanted = await generate(there, prompt, options);
    let events = 0;
    const interrupted = async () => {
      for await (const _ of stream(there, prompt, options)) if (++events === 5) gpu.device.destroy();
    };
    await expect(interrupted()).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    await gpu.recover();
    expect(await generate(there, prompt, options)).toEqual(wanted);
  });
});

it('spends at most 250 dispatches on a token of LLaMA-13B, from one id to the next', async () => {
  await using executor = await webgpu({ gpu: await nullGpu(), kernels });
  const model = llamaModel({ ...emu14bLlama, weights: 'int4' });
  const shape = {
    batch: 1,
    capacity: 2048,
    size: 1,
    from: 'ids',
    positions: 'last',
    scattered: false,
  } as const;
  const how = { temperature: 0.7, topK: 50, topP: 0.9, ends: [2], until: 8, columns: 2048, penalty: 1 };
  const graph = drawGraph({ model, cacheDType: 'f16' }, shape, how);
  const donate = Object.fromEntries(cacheNames(model).map((name) => [name, name]));
  await using program = await executor.compile(graph, { donate });
  expect(program.plan()).toContain('language_model.norm_linear_int4 ×1');
  // The table of embeddings is larger than one binding of this device.
  expect(program.plan()).toContain('nn.embedding_parts ×1 by nn.embedding_parts');
  expect(program.dispatches).toBeLessThanOrEqual(250);
});
