import { tensor } from '@emu-ts/base';
import type { LanguageModel } from '@emu-ts/contracts';
import { interpreter } from '@emu-ts/graph';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { describeGpu, expectClose, watchReads } from '@emu-ts/testing';
import { type WebGpuExecutor, webgpu } from '@emu-ts/webgpu';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tinyConfig, tinyLlama } from '../../test/tiny-llama.js';
import {
  embedPrompts,
  type GeneratedSequence,
  type GenerateOptions,
  generate,
  type Prompt,
} from '../index.js';
import { languageModelKernels } from '../webgpu.js';

/** Beams whose continuations are chosen beside the logits are the host's, and no logits come back. */
const [begin, end, pad] = [1, 2, 0];
const prompts = [
  [1, 7, 9, 4],
  [1, 5],
];
const maxNewTokens = 6;
const config = { ...tinyConfig, layers: 1 };

const ways: readonly (readonly [string, Partial<GenerateOptions>])[] = [
  ['five beams', { beams: 5, lengthPenalty: -1 }],
  ['all sequences of three', { beams: 3, sequences: 3, lengthPenalty: 1 }],
  ['with a penalty and not too short', { beams: 4, repetitionPenalty: 1.4, minLength: 5 }],
  ['with several ends', { beams: 2, tokens: { begin, end: [end, 4, 11], pad }, minNewTokens: 3 }],
];

describeGpu('beam search', () => {
  let gpu: WebGpuExecutor;
  let here: LanguageModel;
  let there: LanguageModel;
  let prompt: Prompt;
  beforeAll(async () => {
    gpu = await webgpu({ kernels: [...languageModelKernels, ...nnKernels] });
    here = await tinyLlama({ executor: interpreter() }, config);
    there = await tinyLlama({ executor: gpu }, config);
    prompt = await embedPrompts(here, prompts, { pad });
  });
  afterAll(async () => {
    await there?.dispose();
    await gpu?.dispose();
  });

  const found = async (name: string, way: Partial<GenerateOptions>) => {
    const options = { tokens: { begin, end, pad }, maxNewTokens, ...way };
    const wanted = (await generate(here, prompt, options)).flat();
    let got: readonly GeneratedSequence[] = [];
    const { bytes } = await watchReads(gpu.device, async () => {
      got = (await generate(there, prompt, options)).flat();
    });
    const facts = (all: readonly GeneratedSequence[]) =>
      all.map(({ ids, finishReason }) => ({ ids, finishReason }));
    expect(facts(got), name).toEqual(facts(wanted));
    const scores = (all: readonly GeneratedSequence[]) =>
      tensor(
        'f32',
        [all.length],
        all.map(({ score }) => score as number),
      );
    const depth = maxNewTokens * config.layers;
    expectClose(name, scores(got), scores(wanted), { terms: config.width, depth });
    return bytes;
  };

  it.each(ways)('%s', async (name, way) => {
    const bytes = await found(name, way);
    const ends = [way.tokens?.end ?? end].flat().length;
    const candidates = (1 + ends) * (way.beams as number);
    expect(bytes.length % 2).toBe(0); // scores and places of each step
    expect(bytes.length / 2).toBeLessThanOrEqual(maxNewTokens);
    expect(new Set(bytes)).toEqual(new Set([4 * prompts.length * candidates]));
  });

  it('frees what it held', async () => {
    const options = { tokens: { begin, end, pad }, beams: 2, maxNewTokens: 3, repetitionPenalty: 1.2 };
    const wanted = await generate(there, prompt, options);
    const { used } = gpu.memory();
    expect(await generate(there, prompt, options)).toEqual(wanted);
    expect(gpu.memory().used).toBe(used);
  });

  it('reads logits where only the host knows what may come', async () => {
    const rows = prompts.length * 2;
    for (const way of [{ noRepeatNgram: 2 }, { allowed: () => [3, 4, 5, 6, end] }]) {
      const bytes = await found('on the host', { beams: 2, ...way });
      expect(Math.max(...bytes)).toBe(4 * rows * config.vocabSize);
    }
  });
});
