import { tensorSource } from '@emu-ts/params';
import { indexedData, trainingStep, warmupCosine } from '@emu-ts/training';
import { evaClip } from '@emu-ts/visual-encoder';
import { vision } from '../model/config.js';
import { connectorOf } from '../model/model.js';
import { type Stage, weightsOf } from '../train/stage.js';
import { onHeldOut } from '../train/validation.js';
import { seeingBatch } from './data.js';
import { seeing } from './objective.js';
import { freshWeights } from './start.js';

const { imageSize, patchSize } = vision;
const shared = { batch: 64, imageSize, patchSize };

/** What multiplies activations inside encoder and causal transformer. */
const encoding = ['visual.blocks.**.weight'];
const connecting = ['q', 'k', 'v', 'o', 'wi', 'wo'].map((matrix) => `cformer.**.${matrix}.weight`);

/**
 * Encoder and causal transformer learn what pictures show: simple ones first, everything from update 400 on. Averages in
 * place of the causal transformer learn it on an encoder that is there already, and stands still.
 */
export const seeStage: Stage = {
  name: 'see',
  updates: 9000,
  async make({ seed, without, eyes }, updates) {
    const { params, objective } = seeing(evaClip(vision), connectorOf(without), patchSize);
    const averaging = without === 'causal-transformer';
    const step = trainingStep({
      params,
      objective,
      optimizer: {
        betas: [0.9, 0.98],
        eps: 1e-6,
        weightDecay: 0.05,
        clipNorm: 1,
        muon: averaging ? [] : [...encoding, ...connecting],
        frozen: eyes ? ['visual.**'] : [],
        groups: [{ name: 'all', match: ['**'], rate: 2e-3 }],
      },
    });
    const fresh = tensorSource(freshWeights(params, vision, seed));
    const known = eyes ? await weightsOf({ dir: eyes }, 'see', { under: fresh }) : undefined;
    const easy = (index: number) => (known ? 0 : Math.max(0, 0.8 - index / 500));
    return {
      step,
      weights: known ?? fresh,
      close: known && (() => known.close()),
      data: indexedData({
        batch: (i) => seeingBatch({ ...shared, seed, split: 'train', grey: 0.4, alike: 0.35, easy }, i),
      }),
      validation: onHeldOut((i) => seeingBatch({ ...shared, seed: seed + 98, split: 'test', grey: 0 }, i)),
      schedule: warmupCosine({ steps: updates, warmup: 100, final: 0.02 }),
    };
  },
};
