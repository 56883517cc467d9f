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

interface Looking {
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
  /** Of the causal transformer. */
  readonly rate: number;
  /** Rate of the encoder, whose patches are asked too. Default: it stands still, and embeddings alone are asked. */
  readonly encoder?: number | undefined;
  /** Matrices that Muon updates. */
  readonly muon?: readonly string[] | undefined;
}

const { imageSize, patchSize } = vision;

/** The six embeddings of a picture learn to tell its objects apart. */
const looking = (stage: Looking): Stage => ({
  name: stage.name,
  updates: stage.updates,
  async make(workshop, updates) {
    const { seed, without, eyes } = workshop;
    const { batch, first, grey, alike, rate, encoder = 0, muon } = stage;
    const [ask, make] = [gathering, gatheringBatch];
    const { params, objective } = ask(evaClip(vision), connectorOf(without));
    const step = trainingStep({
      params,
      objective,
      optimizer: {
        betas: [0.9, 0.98],
        eps: 1e-6,
        weightDecay: 0.02,
        clipNorm: 1,
        muon,
        frozen: encoder ? [] : ['visual.**'],
        groups: [
          ...(encoder ? [{ name: 'encoder', match: ['visual.**'], rate: encoder }] : []),
          { name: 'causal-transformer', match: ['**'], rate },
        ],
      },
    });
    const weights = await weightsOf({ dir: eyes ?? workshop.dir }, stage.from, {
      under: tensorSource(freshWeights(params, vision, seed)),
    });
    const shared = { batch, imageSize, patchSize };
    return {
      step,
      weights,
      close: () => weights.close(),
      data: indexedData({
        batch: (i) => make({ ...shared, grey, alike, seed: seed + first, split: 'train' }, i),
      }),
      validation: onHeldOut((i) => make({ ...shared, seed: seed + 98, split: 'test', grey: 0 }, i)),
      schedule: warmupCosine({ steps: updates, warmup: 200, final: 0.02 }),
    };
  },
});

/**
 * The causal transformer alone goes on, the encoder standing still: patches know shapes long before six embeddings can
 * tell the objects of a picture apart.
 */
export const lookStage = looking({
  name: 'look',
  updates: 3000,
  batch: 96,
  from: 'interleave',
  first: 7,
  grey: 0.15,
  alike: 0,
  rate: 1e-3,
});

/** Matrices of the causal transformer. */
const connecting = ['q', 'k', 'v', 'o', 'wi', 'wo'].map((matrix) => `cformer.**.${matrix}.weight`);

/** Objects of one colour, and shapes by themselves: what six embeddings still mix up. */
export const distinguishStage = looking({
  name: 'distinguish',
  updates: 3600,
  batch: 64,
  from: 'look',
  first: 41,
  grey: 0.3,
  alike: 0.4,
  rate: 2e-3,
  muon: connecting,
});

/** Encoder and causal transformer together: patches learn which embedding their object belongs to. */
export const traceStage = looking({
  name: 'trace',
  updates: 3600,
  batch: 64,
  from: 'distinguish',
  first: 81,
  grey: 0.25,
  alike: 0.35,
  rate: 2e-3,
  encoder: 1e-3,
  muon: [...connecting, 'visual.blocks.**.weight'],
});
