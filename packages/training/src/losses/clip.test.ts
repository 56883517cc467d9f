import { random, sizeOf, tensor } from '@emu-ts/base';
import { interpreter } from '@emu-ts/graph';
import { llamaModel } from '@emu-ts/language-model';
import { initialize, tensorSource } from '@emu-ts/params';
import { expect, it } from 'vitest';
import { indexedData } from '../data/indexed.js';
import { train } from '../loop/train.js';
import { names } from '../step/names.js';
import { trainingStep } from '../step/step.js';
import { clipModel } from './clip.js';
import { contrastiveObjective } from './contrastive.js';

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
const language = llamaModel({
  vocabSize: 9,
  width: 16,
  layers: 1,
  heads: 2,
  hiddenWidth: 24,
  eps: 1e-6,
  contextLength: 16,
  ropeBase: 10_000,
  ropeTable: 'f32',
  initStd: 0.3,
});
const model = clipModel(vision, language);
const step = trainingStep({
  params: model.params,
  objective: contrastiveObjective(model),
  optimizer: {
    betas: [0.9, 0.98],
    eps: 1e-6,
    weightDecay: 0,
    groups: [{ name: 'all', match: ['**'], rate: 1e-2 }],
  },
});
const images = [4, 3, 8, 8];
const batch = {
  images: tensor('f32', images, random(1).normal(sizeOf(images)).slice()),
  ids: tensor('i32', [4, 3], [1, 4, 0, 1, 5, 6, 1, 4, 0, 1, 7, 8]),
  ends: tensor('i32', [4], [1, 2, 1, 2]),
  groups: tensor('i32', [4], [0, 1, 0, 2]),
};

it('trains both towers through the CLIP head that Emu carries along', () => {
  const { graph } = step.traceGradients(batch);
  for (const name of [
    'visual.head.weight',
    'visual.norm.bias',
    'clip.logit_scale',
    'clip.text_projection.weight',
  ]) {
    expect(graph.outputs[names.gradient(name)], name).toBeDefined();
  }
  expect(graph.outputs[names.gradient('ln_visual.weight')]).toBeUndefined();
  expect(graph.outputs[names.gradient('decoder.lm.lm_head.weight')]).toBeUndefined();
});

it('tells images apart by their texts', async () => {
  const losses: number[] = [];
  const result = await train({
    executor: interpreter(),
    step,
    weights: tensorSource(initialize(model.params, { seed: 3 })),
    data: indexedData({ batch: () => batch }),
    updates: 25,
    onUpdate: ({ record }) => losses.push(record.loss),
  });
  // Two of four texts are equal, so half of the images cannot be told from one other: ln 2 / 2 is the least.
  expect(losses[24]).toBeLessThan(0.5 * losses[0]);
  expect(losses[24]).toBeGreaterThan(Math.LN2 / 2);
  expect(result.last?.contrastive_accuracy).toBe(1);
  await result.dispose();
});
