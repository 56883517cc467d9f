import { tensorSource } from '@emu-ts/params';
import { indexedData, trainingStep, warmupCosine } from '@emu-ts/training';
import { evaClip } from '@emu-ts/visual-encoder';
import { vision } from '../model/config.js';
import { connectorOf } from '../model/model.js';
import type { Stage } from '../train/stage.js';
import { onHeldOut } from '../train/validation.js';
import { seeingBatch } from './data.js';
import { seeing } from './objective.js';
import { freshWeights } from './start.js';

const { imageSize, patchSize } = vision;
const batch = 64;

/** What multiplies activations inside encoder and causal transformer. */
const seeingMatrices = [
  'visual.blocks.**.weight',
  ...['q', 'k', 'v', 'o', 'wi', 'wo'].map((matrix) => `cformer.**.${matrix}.weight`),
];

/** Encoder and causal transformer learn what pictures show. Simple pictures first, everything from update 800 on. */
export const seeStage: Stage = {
  name: 'see',
  updates: 9000,
  async make({ seed, without }, updates) {
    const { params, objective } = seeing(evaClip(vision), connectorOf(without), patchSize);
    const step = trainingStep({
      params,
      objective,
      optimizer: {
        betas: [0.9, 0.98],
        eps: 1e-6,
        weightDecay: 0.05,
        clipNorm: 1,
        muon: seeingMatrices,
        groups: [
          { name: 'encoder', match: ['visual.**'], rate: 2e-3 },
          { name: 'causal-transformer', match: ['**'], rate: 2e-3 },
        ],
      },
    });
    const shared = { batch, imageSize, patchSize };
    const easy = (index: number) => Math.max(0, 0.8 - index / 500);
    return {
      step,
      weights: tensorSource(freshWeights(params, vision, seed)),
      data: indexedData({
        batch: (i) => seeingBatch({ ...shared, seed, split: 'train', grey: 0.4, alike: 0.35, easy }, i),
      }),
      validation: onHeldOut((i) => seeingBatch({ ...shared, seed: seed + 98, split: 'test', grey: 0 }, i)),
      schedule: warmupCosine({ steps: updates, warmup: 100, final: 0.02 }),
    };
  },
};
