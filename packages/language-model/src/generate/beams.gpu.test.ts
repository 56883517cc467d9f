import { tensor } from '@emu-ts/base';
import type { Continuation, LanguageModel } from '@emu-ts/contracts';
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
  stream,
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
    const { bytes, most } = await watchReads(gpu.device, async () => {
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
    return { bytes, most };
  };

  /** Both prompts, each read by two beams. */
  const openRows = async (model: LanguageModel) => {
    const session = await model.open({ batch: 2, capacity: 16 });
    const read = await session.prefill(prompt.embeddings, { padding: prompt.padding });
    if ('dispose' in read) read.dispose();
    await session.reorder([0, 0, 1, 1]);
    return session;
  };

  it.each(ways)('%s', async (name, way) => {
    const { bytes, most } = await found(name, way);
    const ends = [way.tokens?.end ?? end].flat().length;
    const candidates = (1 + ends) * (way.beams as number);
    expect(bytes.length % 2).toBe(0); // scores and places of each step
    expect(bytes.length / 2).toBeLessThanOrEqual(maxNewTokens);
    expect(new Set(bytes)).toEqual(new Set([4 * prompts.length * candidates]));
    expect(most).toBe(2 * Math.min(4, bytes.length / 2 - 1)); // four steps are under way
  });

  it('frees what it held', async () => {
    const options = { tokens: { begin, end, pad }, beams: 2, maxNewTokens: 3, repetitionPenalty: 1.2 };
    const wanted = await generate(there, prompt, options);
    const { used } = gpu.memory();
    expect(await generate(there, prompt, options)).toEqual(wanted);
    expect(gpu.memory().used).toBe(used);
  });

  it('ends when it is aborted or left, and frees what was under way', async () => {
    const way = { beams: 3, maxNewTokens: 12, minNewTokens: 11, repetitionPenalty: 1.1 };
    const options = { tokens: { begin, end, pad }, ...way };
    const wanted = await generate(there, prompt, options);
    const { used } = gpu.memory();
    for (const leave of [true, false]) {
      const controller = new AbortController();
      const { signal } = controller;
      let steps = 0;
      const onProgress = ({ phase }: { phase: string }) => {
        if (phase === 'decode' && ++steps === 3 && !leave) controller.abort();
      };
      const going = async () => {
        for await (const _ of stream(there, prompt, { ...options, signal, onProgress })) if (leave) break;
      };
      if (leave) await going();
      else await expect(going()).rejects.toMatchObject({ name: 'AbortError' });
      expect(gpu.memory().used).toBe(used);
    }
    expect(await generate(there, prompt, options)).toEqual(wanted);
  });

  it('leaves a session as the last step that was taken left it', async () => {
    const start = { first: [4, 6, 8, 10], scores: [0, -1, -0.5, -0.7], beams: 2, count: 4, ends: [end] };
    const branched = await openRows(there);
    const taken: Continuation[][][] = [];
    for await (const found of branched.branch?.({ ...start, steps: 7 }) ?? [])
      if (taken.push(found) === 2) break;
    const stepped = await openRows(here);
    let next = start.first;
    for (const found of taken) {
      (await stepped.step(next)).dispose();
      const beams = found.map((list) => list.filter(({ token }) => token !== end).slice(0, 2));
      await stepped.reorder(beams.flatMap((list, i) => list.map(({ beam }) => 2 * i + beam)));
      next = beams.flat().map(({ token }) => token);
    }
    expect(branched.length).toBe(stepped.length);
    using got = await branched.step(next);
    using wanted = await stepped.step(next);
    expectClose('after branching', await got.read(), await wanted.read(), { terms: config.width, depth: 8 });
    branched.dispose();
    stepped.dispose();
  });

  it('reads logits where only the host knows what may come', async () => {
    const rows = prompts.length * 2;
    for (const way of [{ noRepeatNgram: 2 }, { allowed: () => [3, 4, 5, 6, end] }]) {
      const { bytes } = await found('on the host', { beams: 2, ...way });
      expect(Math.max(...bytes)).toBe(4 * rows * config.vocabSize);
    }
  });
});
