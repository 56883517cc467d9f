import { random, sizeOf, tensor } from '@emu-ts/base';
import { averagePooling } from '@emu-ts/causal-transformer';
import { interpreter } from '@emu-ts/graph';
import { flatten, initialize, tensorSource } from '@emu-ts/params';
import { evaClip } from '@emu-ts/visual-encoder';
import { expect, it } from 'vitest';
import { indexedData } from '../data/indexed.js';
import { train } from '../loop/train.js';
import { trainingStep } from '../step/step.js';
import { taggingObjective, tagModel } from './tagging.js';

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
const connector = averagePooling({ queries: 2, inputWidth: vision.width, outputWidth: 10 });
const model = tagModel(evaClip(vision), connector, { tags: 3, name: 'see' });

it('reads tags from image embeddings, and names its probe after the stage', async () => {
  expect([...flatten(model.params).keys()].filter((name) => name.startsWith('tagging'))).toEqual([
    'tagging.see.weight',
    'tagging.see.bias',
  ]);
  const shape = [4, 3, 8, 8];
  const batch = {
    images: tensor('f32', shape, random(1).normal(sizeOf(shape)).slice()),
    tags: tensor('f32', [4, 3], [1, 0, -1, 0, 1, 1, 1, 1, 0, 0, -1, 1]),
  };
  const step = trainingStep({
    params: model.params,
    objective: taggingObjective(model.logits),
    optimizer: {
      betas: [0.9, 0.98],
      eps: 1e-6,
      weightDecay: 0,
      groups: [{ name: 'all', match: ['**'], rate: 2e-2 }],
    },
  });
  const losses: number[] = [];
  await using result = await train({
    executor: interpreter(),
    step,
    weights: tensorSource(initialize(model.params, { seed: 1 })),
    data: indexedData({ batch: () => batch }),
    updates: 40,
    onUpdate: ({ record }) => losses.push(record.loss),
  });
  expect(losses[39]).toBeLessThan(losses[0] / 2);
  expect(result.last?.tag_accuracy).toBe(1);
});
