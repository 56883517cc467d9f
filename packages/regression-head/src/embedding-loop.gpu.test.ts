import { random, tensor } from '@emu-ts/base';
import { type Executor, interpreter } from '@emu-ts/graph';
import { type LlamaConfig, languageModel, llamaModel } from '@emu-ts/language-model';
import { languageModelKernels } from '@emu-ts/language-model/webgpu';
import { nnKernels } from '@emu-ts/nn/webgpu';
import { initialize, tensorSource } from '@emu-ts/params';
import { describeGpu, expectClose } from '@emu-ts/testing';
import { webgpu } from '@emu-ts/webgpu';
import { expect, it } from 'vitest';
import { type GeneratedEmbeddings, generateImageEmbeddings, linearHead, regressionHead } from './index.js';

const config: LlamaConfig = {
  vocabSize: 11,
  width: 12,
  layers: 2,
  heads: 2,
  hiddenWidth: 20,
  eps: 1e-6,
  contextLength: 48,
  ropeBase: 10000,
  ropeTable: 'f32',
  initStd: 0.1,
};
const queries = 32;
const [rows, length] = [2, 6];

/** The loop, and what `beforeReading` says when all embeddings were predicted and none was read. */
async function run<T>(
  executor: Executor,
  beforeReading: () => T,
): Promise<{ found: GeneratedEmbeddings; said: T }> {
  const lm = llamaModel(config);
  const linear = linearHead({ width: config.width });
  const source = tensorSource(
    new Map([...initialize(lm.params, { seed: 3 }), ...initialize(linear.params, { seed: 3 })]),
  );
  await using model = await languageModel({ executor, model: lm, source });
  await using head = await regressionHead({ executor, model: linear, source });
  let said = beforeReading();
  const found = await generateImageEmbeddings(model, head, {
    prompts: {
      embeddings: tensor('f32', [rows, length, config.width], random(1).normal(rows * length * config.width)),
      padding: [0, 4],
    },
    queries,
    signal: new AbortController().signal,
    onProgress({ phase, loaded }) {
      if (phase === 'embed' && loaded === queries) said = beforeReading();
    },
  });
  return { found, said };
}

describeGpu('the embedding loop on a GPU', () => {
  it('reads nothing back, and waits for nothing, until the last of 32 embeddings is predicted', async () => {
    const expected = await run(interpreter(), () => {});
    await using gpu = await webgpu({ kernels: [...languageModelKernels, ...nnKernels] });
    const { device } = gpu;
    let [reads, waits] = [0, 0];
    const prototype = Object.getPrototypeOf(device.createBuffer({ size: 16, usage: 0x9 })) as GPUBuffer;
    const { mapAsync } = prototype;
    const done = device.queue.onSubmittedWorkDone.bind(device.queue);
    prototype.mapAsync = function (...range) {
      reads++;
      return mapAsync.apply(this, range);
    };
    Object.defineProperty(device.queue, 'onSubmittedWorkDone', {
      value: () => {
        waits++;
        return done();
      },
    });
    try {
      const { found, said } = await run(gpu, () => ({ reads, waits }));
      // Only the prompt's pass takes the signal, and stays two batches ahead with it.
      expect(said.reads).toBe(0);
      expect(said.waits).toBeLessThanOrEqual(1);
      expect(reads).toBe(1); // all of them
      expect(found.passes).toEqual({ prefill: 1, step: queries - 1 });
      expectClose('32 embeddings', found.embeddings, expected.found.embeddings, {
        terms: 20,
        depth: 2 * queries,
      });
    } finally {
      prototype.mapAsync = mapAsync;
    }
  });
});
