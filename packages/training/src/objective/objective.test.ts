import { type HostTensor, random, sizeOf, tensor, toF64 } from '@emu-ts/base';
import { averagePooling } from '@emu-ts/causal-transformer';
import { graphOf, input, interpret, reshape } from '@emu-ts/graph';
import { llamaModel } from '@emu-ts/language-model';
import { embedding, embeddingParams, linear, linearParams } from '@emu-ts/nn';
import { initialize, paramInputs } from '@emu-ts/params';
import { linearHead } from '@emu-ts/regression-head';
import { expectClose } from '@emu-ts/testing';
import { evaClip } from '@emu-ts/visual-encoder';
import { describe, expect, it } from 'vitest';
import { collate, type TrainingRow } from '../data/collate.js';
import { names } from '../step/names.js';
import { trainingStep } from '../step/step.js';
import { composeModel, mergeTrees } from './compose.js';
import { betweenImageVariance } from './health.js';
import { type InterleavedOptions, interleavedObjective } from './interleaved.js';
import type { InterleavedModel } from './model.js';

const [queries, width, vocabulary, pad, open, image, close] = [2, 4, 9, 5, 6, 7, 8];

/** The smallest model: position i sees itself alone, so that every number can be worked out by hand. */
const tree = {
  vision: linearParams(3, queries * width, { bias: false }),
  tokens: embeddingParams(vocabulary, width),
  mix: linearParams(width, width),
  lm: linearParams(width, vocabulary, { bias: false }),
  head: linearParams(width, width, { bias: false }),
};
const model: InterleavedModel<typeof tree> = {
  params: tree,
  queries,
  embedImages: (p, pixels) => reshape(linear(p.vision, reshape(pixels, [-1, 3])), [-1, queries, width]),
  embedTokens: (p, ids) => embedding(p.tokens, ids),
  read: (p, x) => linear(p.mix, x),
  logits: (p, h) => linear(p.lm, h),
  regress: (p, h) => linear(p.head, h),
};
const row = (ids: number[], images: number[]): TrainingRow => {
  const at = (...wanted: number[]) => ids.flatMap((id, i) => (wanted.includes(id) ? [i] : []));
  return {
    ids,
    imageSlots: at(open).map((i) => i + 1),
    images: images.map((seed) => tensor('f32', [3, 1, 1], random(seed).normal(3).slice())),
    targets: {
      labels: Int32Array.from(ids, (id) => (id >= pad ? -100 : id)),
      regressionInputs: Int32Array.from(at(open, image)),
      regressionLabels: Int32Array.from(at(image, close)),
    },
  };
};
const rows = [
  row([1, open, image, image, close, 3, 4, 2], [10]),
  row([1, 0, open, image, image, close, open, image, image, close, 2], [11, 12]),
  row([1, 3, 3, 2], []),
];
const options = { queries, padId: pad };

const weights = Object.fromEntries(initialize(tree, { seed: 5 }));

function evaluate(batch: Record<string, HostTensor>, objectiveOptions: InterleavedOptions = {}) {
  const values = Object.fromEntries(Object.entries(batch).map(([name, t]) => [name, input(name, t)]));
  const { loss, metrics } = interleavedObjective(model, objectiveOptions)(paramInputs(tree), values);
  const graph = graphOf({ loss, ...metrics });
  const given = { ...weights, ...batch };
  const out = interpret(graph, pick(graph.inputs, given));
  return Object.fromEntries(Object.entries(out).map(([name, t]) => [name, t.data[0]]));
}

const pick = (wanted: object, from: Record<string, HostTensor>) =>
  Object.fromEntries(Object.keys(wanted).map((name) => [name, from[name]]));

/** The same model and losses on plain arrays. */
function byHand() {
  const matrix = (name: string, x: number[]) => {
    const w = toF64(weights[`${name}.weight`]);
    const bias = weights[`${name}.bias`] ? toF64(weights[`${name}.bias`]) : undefined;
    return Array.from({ length: w.length / x.length }, (_, o) =>
      x.reduce((sum, v, i) => sum + v * w[o * x.length + i], bias?.[o] ?? 0),
    );
  };
  const table = toF64(weights['tokens.weight']);
  const nll: number[] = [];
  const perImage: number[][] = [];
  for (const { ids, images, targets } of rows) {
    const visual = images.flatMap((picture) => {
      const z = matrix('vision', [...toF64(picture)]);
      return [z.slice(0, width), z.slice(width)];
    });
    let next = 0;
    const x = Array.from(ids, (id) =>
      id === image ? visual[next++] : [...table.subarray(id * width, (id + 1) * width)],
    );
    const hidden = x.map((e) => matrix('mix', e));
    targets.labels.forEach((label, i) => {
      if (i === 0 || label < 0) return;
      const scores = matrix('lm', hidden[i - 1]);
      nll.push(Math.log(scores.reduce((s, v) => s + Math.exp(v), 0)) - scores[label]);
    });
    targets.regressionInputs.forEach((from, k) => {
      const [guess, target] = [matrix('head', hidden[from]), x[targets.regressionLabels[k]]];
      if (k % (queries + 1) === 0) perImage.push([]);
      perImage[perImage.length - 1].push(...guess.map((v, i) => (v - target[i]) ** 2));
    });
  }
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const scores = (id: number) =>
    matrix('lm', matrix('mix', [...table.subarray(id * width, (id + 1) * width)]));
  return { scores, text: mean(nll), image: mean(perImage.flat()), perImage: perImage.map(mean), mean };
}

const close64 = (label: string, actual: number, expected: number) =>
  expectClose(label, tensor('f64', [], [actual]), tensor('f64', [], [expected]), {
    dtype: 'f64',
    terms: 64,
    depth: 4,
  });

describe('the unified objective', () => {
  const batch = collate(rows, options);
  const expected = byHand();

  it('is cross-entropy on text and squared error on n + 1 pairs per image', () => {
    const found = evaluate(batch, { imagesLogged: 3 });
    close64('text', found.loss_text, expected.text);
    close64('image', found.loss_image, expected.image);
    close64('loss', found.loss, expected.text + expected.image);
    close64('first images', found.loss_image_0, expected.mean([expected.perImage[0], expected.perImage[1]]));
    close64('second images', found.loss_image_1, expected.perImage[2]);
    expect(found.loss_image_2).toBeNaN();
  });

  it('counts nothing that is padding', () => {
    const padded = collate(rows, { ...options, multiples: { length: 16, images: 4, text: 32 } });
    expect(padded.ids.shape).toEqual([3, 16]);
    expect(padded.images.shape).toEqual([4, 3, 1, 1]);
    expect(padded.text_labels.shape).toEqual([32]);
    const crowded = collate(rows, { ...options, multiples: { length: 16, text: 1000 } });
    expect(crowded.text_labels.shape).toEqual([3 * 16]); // as many as there are positions
    const [tight, ...loose] = [batch, padded, crowded].map((b) => evaluate(b, { imagesLogged: 2 }));
    for (const name of Object.keys(tight))
      for (const figures of loose) close64(`padded ${name}`, figures[name], tight[name]);
  });

  it('leaves excluded tokens out of the choice', () => {
    const asked = row([1, 3, 2], []);
    const loss = (excluded: readonly number[]) => {
      const batch = collate([{ ...asked, excluded: new Map([[1, excluded]]) }], { ...options, excluded: 2 });
      expect(batch.text_excluded.shape).toEqual([2, 2]);
      return evaluate(batch).loss_text;
    };
    const logits = expected.scores(1);
    const [all, some] = [logits, logits.filter((_, id) => id !== 0 && id !== 4)].map((known) =>
      Math.log(known.reduce((sum, x) => sum + Math.exp(x), 0)),
    );
    close64('nothing excluded', loss([]), evaluate(collate([asked], options)).loss_text);
    close64('two excluded', loss([0, 4]), loss([]) - (all - some) / 2);
    const greedy = { ...asked, excluded: new Map([[1, [0, 4, 5]]]) };
    expect(() => collate([greedy], { ...options, excluded: 2 })).toThrow(/excludes 3 ids/);
  });

  it('weighs its parts, by option and at run time', () => {
    const scalar = (value: number) => tensor('f32', [], [value]);
    const found = evaluate(
      { ...batch, 'weight.text': scalar(0.5), 'weight.image': scalar(0.25) },
      { textWeight: 3, imageWeight: 2 },
    );
    close64('weighed', found.loss, 1.5 * expected.text + 0.5 * expected.image);
    const textOnly = evaluate(batch, { imageWeight: 0 });
    close64('text only', textOnly.loss, expected.text);
    expect(textOnly.loss_image).toBeUndefined();
  });

  it('takes batches without images, and known embeddings in place of pixels', () => {
    const text = evaluate(collate([rows[2]], options));
    expect(text.loss).toBe(text.loss_text);
    const z = random(3).normal(queries * width);
    const known: TrainingRow = { ...rows[0], images: [tensor('f32', [queries, width], z.slice())] };
    const embedded = evaluate(collate([known], { ...options, images: 'embeddings' }));
    expect(embedded.loss).toBeGreaterThan(0);
  });

  it('lets no gradient through the targets', () => {
    const step = trainingStep({
      params: tree,
      objective: interleavedObjective(model, { textWeight: 0 }),
      optimizer: {
        betas: [0.9, 0.9],
        eps: 1e-8,
        weightDecay: 0,
        groups: [{ name: 'all', match: ['**'], rate: 1 }],
      },
    });
    const { graph } = step.traceGradients(batch);
    // With the head at zero, only a target could carry a gradient to anything else.
    const given = { ...weights, ...batch, 'head.weight': tensor('f32', [width, width]) };
    const out = interpret(graph, pick(graph.inputs, given));
    for (const name of ['vision.weight', 'tokens.weight', 'mix.weight']) {
      expect([...out[names.gradient(name)].data].every((g) => g === 0)).toBe(true);
    }
    expect([...out[names.gradient('head.weight')].data].some((g) => g !== 0)).toBe(true);
  });

  it('reads its own predictions where scheduled sampling says so', () => {
    const images = batch.images.shape[0];
    const sampled = (value: number) =>
      tensor('i32', [images, queries], new Int32Array(images * queries).fill(value));
    const teacher = evaluate({ ...batch, sampled: sampled(0) });
    for (const name of ['loss_text', 'loss_image']) close64(name, teacher[name], evaluate(batch)[name]);
    const own = evaluate({ ...batch, sampled: sampled(1) });
    // Positions see themselves alone: text after `[/IMG]` is predicted from the same input as before.
    close64('text', own.loss_text, teacher.loss_text);
    expect(own.loss_image).not.toBeCloseTo(teacher.loss_image, 6);
  });

  it('says what a batch lacks', () => {
    const { slots: _, ...unplaced } = batch;
    expect(() => evaluate(unplaced)).toThrow(/no 'slots'/);
    const { text_labels: __, ...rest } = collate([rows[2]], options);
    expect(() => evaluate(rest)).toThrow(/asks for nothing/);
    expect(() => collate([{ ...rows[0], images: [] }], options)).toThrow(
      /Row 0 has places for 1 images and 0 images/,
    );
    expect(() => collate([rows[0], { ...rows[0], images: [tensor('f32', [3, 2, 2])] }], options)).toThrow(
      /f32\[3,1,1\] and f32\[3,2,2\]/,
    );
  });
});

it('between-image variance is that of the real images', () => {
  const z = tensor(
    'f32',
    [3, queries, width],
    random(1)
      .normal(3 * queries * width)
      .slice(),
  );
  const index = tensor('i32', [3], [0, 1, -1]);
  const { y } = interpret(graphOf({ y: betweenImageVariance(input('z', z), input('index', index)) }), {
    z,
    index,
  });
  const [a, b] = [0, 1].map((i) => [...toF64(z)].slice(i * queries * width, (i + 1) * queries * width));
  const variance = a.reduce((sum, v, i) => sum + ((v - b[i]) / 2) ** 2, 0) / a.length;
  close64('variance', y.data[0], variance);
});

describe('composeModel', () => {
  const vision = {
    imageSize: 8,
    patchSize: 4,
    width: 12,
    layers: 1,
    heads: 2,
    mlpWidth: 16,
    embedDim: 6,
    normEps: 1e-6,
  };
  const llama = {
    vocabSize: 11,
    width: 16,
    layers: 1,
    heads: 2,
    hiddenWidth: 24,
    eps: 1e-6,
    contextLength: 32,
    ropeBase: 10_000,
    ropeTable: 'f32',
    initStd: 0.02,
  } as const;

  it('trains a component that was put in another place', () => {
    const composed = composeModel({
      visualEncoder: evaClip(vision),
      causalTransformer: averagePooling({ queries, inputWidth: vision.width, outputWidth: llama.width }),
      languageModel: llamaModel(llama),
      regressionHead: linearHead(llama),
    });
    const step = trainingStep({
      params: composed.params,
      objective: interleavedObjective(composed),
      optimizer: {
        betas: [0.9, 0.9],
        eps: 1e-8,
        weightDecay: 0,
        groups: [{ name: 'all', match: ['**'], rate: 1 }],
      },
    });
    const pictures = {
      ...rows[0],
      images: [
        tensor(
          'f32',
          [3, 8, 8],
          random(4)
            .normal(sizeOf([3, 8, 8]))
            .slice(),
        ),
      ],
    };
    const { graph } = step.traceGradients(collate([pictures], options));
    expect(graph.outputs[names.gradient('pooling.projection.weight')].shape).toEqual([
      llama.width,
      vision.width,
    ]);
    expect(graph.outputs[names.gradient('decoder.lm.stu_regress_head.weight')]).toBeDefined();
    expect(graph.outputs[names.gradient('visual.norm.weight')]).toBeUndefined();
  });

  it('refuses parts that do not fit, and names that clash', () => {
    expect(() =>
      composeModel({
        visualEncoder: evaClip(vision),
        causalTransformer: averagePooling({ queries, inputWidth: 5, outputWidth: llama.width }),
        languageModel: llamaModel(llama),
        regressionHead: linearHead(llama),
      }),
    ).toThrow(/image encoder gives vectors of 12, the causal transformer takes 5/);
    expect(() => mergeTrees([linearParams(2, 2), linearParams(2, 2)])).toThrow(/'weight'/);
  });
});
