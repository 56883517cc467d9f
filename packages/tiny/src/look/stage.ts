import { tensorSource } from '@emu-ts/params';
import { indexedData, trainingStep, warmupCosine } from '@emu-ts/training';
import { evaClip } from '@emu-ts/visual-encoder';
import { vision } from '../model/config.js';
import { connectorOf } from '../model/model.js';
import { gatheringBatch } from '../see/data.js';
import { gathering } from '../see/objective.js';
import { freshWeights } from '../see/start.js';
import { type Stage, weightsOf } from '../train/stage.js';

const batch = 96;

/**
 * The causal transformer alone goes on, the encoder standing still: patches know shapes long before six embeddings can
 * tell the objects of a picture apart.
 */
export const lookStage: Stage = {
  name: 'look',
  updates: 3000,
  async make(workshop, updates) {
    const { seed, without } = workshop;
    const { params, objective } = gathering(evaClip(vision), connectorOf(without));
    const step = trainingStep({
      params,
      objective,
      optimizer: {
        betas: [0.9, 0.98],
        eps: 1e-6,
        weightDecay: 0.02,
        clipNorm: 1,
        frozen: ['visual.**'],
        groups: [{ name: 'causal-transformer', match: ['**'], rate: 1e-3 }],
      },
    });
    const weights = await weightsOf({ dir: workshop.eyes ?? workshop.dir }, 'interleave', {
      under: tensorSource(freshWeights(params, vision, seed)),
    });
    const shared = { batch, imageSize: vision.imageSize };
    return {
      step,
      weights,
      close: () => weights.close(),
      data: indexedData({
        batch: (i) => gatheringBatch({ ...shared, seed: seed + 7, split: 'train', grey: 0.15 }, i),
      }),
      validation: {
        every: 500,
        data: indexedData({
          count: 8,
          batch: (i) => gatheringBatch({ ...shared, seed: seed + 98, split: 'test', grey: 0 }, i),
        }),
      },
      schedule: warmupCosine({ steps: updates, warmup: 200, final: 0.02 }),
    };
  },
};
