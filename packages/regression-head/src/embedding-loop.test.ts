import { random, tensor, toF64 } from '@emu-ts/base';
import type { LanguageModel, RegressionHead } from '@emu-ts/contracts';
import { interpreter } from '@emu-ts/graph';
import { type LlamaConfig, languageModel, llamaModel } from '@emu-ts/language-model';
import { initialize, tensorSource } from '@emu-ts/params';
import { expectClose } from '@emu-ts/testing';
import { describe, expect, it } from 'vitest';
import { generateImageEmbeddings, linearHead, regressionHead } from './index.js';

const config: LlamaConfig = {
  vocabSize: 11,
  width: 12,
  layers: 2,
  heads: 2,
  hiddenWidth: 20,
  eps: 1e-6,
  contextLength: 24,
  ropeBase: 10000,
  ropeTable: 'f32',
  initStd: 0.3,
};
const queries = 5;

/** Two rows that end in the same token; the second is padded to the length of the first. */
const [rows, length, padding] = [2, 6, [0, 4]];
const prompts = {
  embeddings: tensor('f32', [rows, length, config.width], random(1).normal(rows * length * config.width)),
  padding,
};

async function withModel(
  use: (model: LanguageModel, head: RegressionHead, passes: string[]) => Promise<void>,
): Promise<void> {
  const executor = interpreter();
  const lm = llamaModel(config);
  const linear = linearHead({ width: config.width });
  const source = tensorSource(
    new Map([...initialize(lm.params, { seed: 3 }), ...initialize(linear.params, { seed: 3 })]),
  );
  await using model = await languageModel({ executor, model: lm, source });
  await using head = await regressionHead({ executor, model: linear, source });
  const passes: string[] = [];
  await use(watched(model, passes), head, passes);
}

/** The model with a list of the passes its sessions make. */
function watched(model: LanguageModel, passes: string[]): LanguageModel {
  return {
    ...model,
    width: model.width,
    vocabSize: model.vocabSize,
    contextLength: model.contextLength,
    embed: (ids, options) => model.embed(ids, options),
    logits: (hidden, options) => model.logits(hidden, options),
    score: (embeddings, options) => model.score(embeddings, options),
    dispose: () => model.dispose(),
    async open(options) {
      const session = await model.open(options);
      passes.push(`open ${options.capacity}`);
      return {
        batch: session.batch,
        capacity: session.capacity,
        length: session.length,
        prefill(embeddings, call) {
          passes.push(`prefill ${embeddings.shape}`);
          return session.prefill(embeddings, call);
        },
        step(next, call) {
          passes.push('step');
          return session.step(next, call);
        },
        reorder: (parents, call) => session.reorder(parents, call),
        truncate: (to) => session.truncate(to),
        dispose: () => session.dispose(),
        [Symbol.dispose]() {
          passes.push('dispose');
          session.dispose();
        },
      };
    },
  };
}

describe('generateImageEmbeddings', () => {
  it('costs one pass over the prompts and one position less than there are embeddings', () =>
    withModel(async (model, head, passes) => {
      const result = await generateImageEmbeddings(model, head, { prompts, queries });
      expect(result.passes).toEqual({ prefill: 1, step: queries - 1 });
      expect(passes).toEqual([
        `open ${length + queries - 1}`,
        `prefill ${[rows, length, config.width]}`,
        ...new Array(queries - 1).fill('step'),
        'dispose',
      ]);
    }));

  it('gives what reading everything again for each embedding gives', () =>
    withModel(async (model, head) => {
      const { embeddings } = await generateImageEmbeddings(model, head, { prompts, queries });
      let row = tensor('f32', [1, length - padding[1], config.width], lastRow(prompts.embeddings));
      for (let k = 0; k < queries; k++) {
        using session = await model.open({ batch: 1, capacity: length + queries });
        const hidden = await session.prefill(row);
        using predicted = await head.predict(hidden);
        const wanted = await predicted.read();
        const at = (queries + k) * config.width;
        const got = tensor('f32', [1, config.width], embeddings.data.slice(at, at + config.width));
        expectClose(`embedding ${k} of the padded row`, got, wanted, {
          terms: config.width,
          depth: 14 * (k + 1),
        });
        const longer = [...row.data, ...toF64(wanted)];
        row = tensor('f32', [1, row.shape[1] + 1, config.width], longer);
      }
    }));

  it('feeds back what the head makes of its embeddings', () =>
    withModel(async (model, head) => {
      const fed: number[] = [];
      const twice: RegressionHead = {
        ...head,
        async feedback(embeddings) {
          fed.push(...embeddings.shape);
          return head.predict(embeddings);
        },
      };
      const plain = await generateImageEmbeddings(model, head, { prompts, queries: 2 });
      const other = await generateImageEmbeddings(model, twice, { prompts, queries: 2 });
      expect(fed).toEqual([rows, config.width]);
      const first = (data: Float32Array) => [...data.subarray(0, config.width)];
      expect(first(other.embeddings.data)).toEqual(first(plain.embeddings.data));
      expect([...other.embeddings.data]).not.toEqual([...plain.embeddings.data]);
    }));

  it('reports each embedding', () =>
    withModel(async (model, head) => {
      const seen: string[] = [];
      await generateImageEmbeddings(model, head, {
        prompts,
        queries: 3,
        onProgress: ({ phase, loaded, total }) => seen.push(`${phase} ${loaded}/${total}`),
      });
      expect(seen.filter((event) => event.startsWith('embed'))).toEqual([
        'embed 1/3',
        'embed 2/3',
        'embed 3/3',
      ]);
    }));

  it('stops when aborted, and ends its session', () =>
    withModel(async (model, head, passes) => {
      const controller = new AbortController();
      const drawing = generateImageEmbeddings(model, head, {
        prompts,
        queries,
        signal: controller.signal,
        onProgress: ({ phase, loaded }) => phase === 'embed' && loaded === 2 && controller.abort(),
      });
      await expect(drawing).rejects.toMatchObject({ name: 'AbortError' });
      expect(passes.slice(-2)).toEqual(['step', 'dispose']);
    }));

  it('refuses what exceeds the context, with all numbers', () =>
    withModel(async (model, head, passes) => {
      const drawing = generateImageEmbeddings(model, head, { prompts, queries: 20 });
      await expect(drawing).rejects.toMatchObject({
        code: 'CONTEXT_LENGTH',
        message: expect.stringMatching(/6 positions.* 19 more.* 24/),
      });
      expect(passes).toEqual([]);
    }));
});

/** The last row of [b t width] without its padding. */
function lastRow({ data, shape: [b, t, width] }: typeof prompts.embeddings): Float32Array {
  return data.slice(((b - 1) * t + padding[b - 1]) * width);
}
