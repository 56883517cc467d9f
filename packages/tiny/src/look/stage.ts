import { tensorSource } from '@emu-ts/params';
import { indexedData, trainingStep, warmupCosine } from '@emu-ts/training';
import { evaClip } from '@emu-ts/visual-encoder';
import { vision } from '../model/config.js';
import { connectorOf } from '../model/model.js';
import { gatheringBatch } from '../see/data.js';
import { gathering } from '../see/objective.js';
import { freshWeights } from '../see/start.js';
import { type Stage, type StageName, weightsOf } from '../train/stage.js';
import { onHeldOut } from '../train/validation.js';

interface Gathering {
  readonly name: StageName;
  readonly updates: number;
  /** Pictures an update. */
  readonly batch: number;
  /** The stage whose weights it goes on from. */
  readonly from: StageName;
  /** Which of the world's pictures. */
  readonly first: number;
  /** Shares of pictures without colour, and of such whose objects colours do not tell apart. */
  readonly grey: number;
  readonly alike: number;
  readonly rate: number;
  /** Matrices that Muon updates. */
  readonly muon?: readonly string[] | undefined;
}

/** The six embeddings of a picture learn to tell its objects apart. */
const gatheringStage = ({
  name,
  updates: wanted,
  batch,
  from,
  first,
  rate,
  muon,
  ...kind
}: Gathering): Stage => ({
  name,
  updates: wanted,
  async make(workshop, updates) {
    const { seed, without, eyes } = workshop;
    const { params, objective } = gathering(evaClip(vision), connectorOf(without));
    const step = trainingStep({
      params,
      objective,
      optimizer: {
        betas: [0.9, 0.98],
        eps: 1e-6,
        weightDecay: 0.02,
        clipNorm: 1,
        muon,
        frozen: ['visual.**'],
        groups: [{ name: 'causal-transformer', match: ['**'], rate }],
      },
    });
    const weights = await weightsOf({ dir: eyes ?? workshop.dir }, from, {
      under: tensorSource(freshWeights(params, vision, seed)),
    });
    const shared = { batch, imageSize: vision.imageSize };
    return {
      step,
      weights,
      close: () => weights.close(),
      data: indexedData({
        batch: (i) => gatheringBatch({ ...shared, ...kind, seed: seed + first, split: 'train' }, i),
      }),
      validation: onHeldOut((i) => gatheringBatch({ ...shared, seed: seed + 98, split: 'test', grey: 0 }, i)),
      schedule: warmupCosine({ steps: updates, warmup: 200, final: 0.02 }),
    };
  },
});

/**
 * The causal transformer alone goes on, the encoder standing still: patches know shapes long before six embeddings can
 * tell the objects of a picture apart.
 */
export const lookStage = gatheringStage({
  name: 'look',
  updates: 3000,
  batch: 96,
  from: 'interleave',
  first: 7,
  grey: 0.15,
  alike: 0,
  rate: 1e-3,
});

/** Objects of one colour, and shapes by themselves: what six embeddings still mix up. */
export const distinguishStage = gatheringStage({
  name: 'distinguish',
  updates: 3600,
  batch: 64,
  from: 'look',
  first: 41,
  grey: 0.3,
  alike: 0.4,
  rate: 2e-3,
  muon: ['q', 'k', 'v', 'o', 'wi', 'wo'].map((matrix) => `cformer.**.${matrix}.weight`),
});
