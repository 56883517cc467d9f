import { tensorSource } from '@emu-ts/params';
import { indexedData, interleavedObjective, trainingStep, warmupCosine } from '@emu-ts/training';
import { vision } from '../model/config.js';
import { type Ablation, formatOf, smallEmu, tokenizerOf } from '../model/model.js';
import { freshWeights } from '../see/start.js';
import { looking } from '../train/looking.js';
import { layered, type Stage, type StageName, type Workshop } from '../train/stage.js';
import { type BatchKind, interleavedBatches } from './data.js';

/** Every task of the world, those of like length together. */
const kinds: readonly BatchKind[] = [
  { tasks: { caption: 1 }, rows: 48, share: 4 },
  { tasks: { question: 5, 'text-to-image': 3 }, rows: 64, share: 4 },
  { tasks: { 'few-shot': 1, 'video-caption': 1, 'video-question': 1, storyboard: 0.4 }, rows: 14, share: 2 },
  { tasks: { dialogue: 2, 'in-context': 1, blend: 1, 'describe-and-draw': 1 }, rows: 32, share: 2 },
  { tasks: { document: 1 }, rows: 10, share: 1 },
];

const withoutVideo = ({ tasks, ...kind }: BatchKind): BatchKind => ({
  ...kind,
  tasks: Object.fromEntries(Object.entries(tasks).filter(([task]) => !/video|storyboard/.test(task))),
});

/** What a pretrained model sees is kept as it is: targets of the image loss then stand still, and nothing can collapse. */
const standing = (without?: Ablation): string[] => [
  'visual.**',
  'ln_visual.**',
  without === 'causal-transformer' ? 'pooling.**' : 'cformer.**',
];

/** Matrices of the language model's layers. */
const layersOfWords = ['decoder.lm.model.layers.**'];

/** What both passes over documents train, and how. */
function reading(workshop: Workshop, rate: number, muon?: readonly string[]) {
  const { tokenizerModel, without } = workshop;
  const tokenizer = tokenizerOf(tokenizerModel, 'base');
  const parts = smallEmu(tokenizer.size, 'base', without);
  const step = trainingStep({
    params: parts.whole.params,
    objective: interleavedObjective(parts.whole, { imageWeight: without === 'image-loss' ? 0 : 1 }),
    optimizer: {
      betas: [0.9, 0.98],
      eps: 1e-6,
      weightDecay: 0.02,
      clipNorm: 1,
      muon,
      frozen: standing(without),
      groups: [{ name: 'language-model', match: ['**'], rate }],
    },
  });
  const documents = {
    split: 'train',
    form: 'document',
    tokenizer,
    format: formatOf(tokenizer),
    padId: tokenizer.special.get('[PAD]') as number,
    imageSize: vision.imageSize,
  } as const;
  return { parts, step, documents };
}

/** The unified objective on interleaved documents: next word, next image embedding. */
export const interleaveStage: Stage = {
  name: 'interleave',
  updates: 4700,
  async make(workshop, updates, options) {
    const { seed, without, eyes } = workshop;
    // Comparisons on shared eyes are short: Muon gets further in them.
    const { parts, documents, ...plan } = reading(workshop, 1.5e-3, eyes ? layersOfWords : undefined);
    const fresh = tensorSource(freshWeights(parts.whole.params, vision, seed));
    const weights = await (eyes
      ? layered({ dir: eyes }, ['look'], fresh)
      : layered(workshop, ['see'], fresh));
    const { see, close } = await looking(workshop, parts, weights, options);
    return {
      ...plan,
      weights: weights.source,
      close,
      data: indexedData({
        batch: interleavedBatches({
          ...documents,
          see,
          seed,
          kinds: without === 'video' ? kinds.map(withoutVideo) : kinds,
          // In comparisons samples come thrice, and an update costs what the words cost.
          passes: eyes ? 3 : 1,
        }),
      }),
      schedule: warmupCosine({ steps: updates, warmup: 200, final: 0.02 }),
    };
  },
};

interface Reading {
  readonly name: StageName;
  readonly updates: number;
  readonly rate: number;
  /** Stages whose weights it goes on from, later ones over earlier ones. */
  readonly from: readonly StageName[];
  /** Which of the world's samples. */
  readonly first: number;
  readonly kinds: readonly BatchKind[];
  /** What Muon updates. */
  readonly muon?: readonly string[] | undefined;
}

/** The same objective again, every task in batches of its own; samples come three times. */
const again = ({ name, updates: wanted, rate, from, first, kinds, muon }: Reading): Stage => ({
  name,
  updates: wanted,
  async make(workshop, updates, options) {
    const { parts, documents, ...plan } = reading(workshop, rate, muon);
    const weights = await layered(workshop, from);
    const { see, close } = await looking(workshop, parts, weights, options);
    return {
      ...plan,
      weights: weights.source,
      close,
      data: indexedData({
        batch: interleavedBatches({ ...documents, see, seed: workshop.seed + first, kinds, passes: 3 }),
      }),
      schedule: warmupCosine({ steps: updates, warmup: 200, final: 0.02 }),
    };
  },
});

/** On what the causal transformer tells since the stage 'look', more videos than captions. */
export const readStage = again({
  name: 'read',
  updates: 6000,
  rate: 1.2e-3,
  from: ['interleave', 'look'],
  first: 11,
  kinds: [
    { tasks: { caption: 1 }, rows: 64, share: 4 },
    { tasks: { question: 1 }, rows: 80, share: 4 },
    { tasks: { 'text-to-image': 1 }, rows: 64, share: 2 },
    { tasks: { 'video-caption': 1, 'video-question': 1 }, rows: 24, share: 6 },
    { tasks: { dialogue: 2, 'in-context': 2, blend: 1, 'describe-and-draw': 1 }, rows: 40, share: 3 },
    { tasks: { document: 2, 'few-shot': 1, storyboard: 1 }, rows: 14, share: 2 },
  ],
});

/** What is hardest comes most often. @param videos share of batches; @param inContext share of samples beside dialogues */
const hardest = (videos: number, inContext: number): readonly BatchKind[] => [
  { tasks: { caption: 1 }, rows: 64, share: 4 },
  { tasks: { question: 1 }, rows: 80, share: 4 },
  { tasks: { 'text-to-image': 1 }, rows: 64, share: 1 },
  { tasks: { 'video-caption': 2, 'video-question': 1 }, rows: 32, share: videos },
  { tasks: { dialogue: 2, 'in-context': inContext, blend: 1, 'describe-and-draw': 1 }, rows: 40, share: 2 },
  { tasks: { document: 2, 'few-shot': 1, storyboard: 1 }, rows: 14, share: 1 },
];

/** At a smaller rate. */
export const practiseStage = again({
  name: 'practise',
  updates: 1000,
  rate: 5e-4,
  from: ['read'],
  first: 12,
  kinds: hardest(6, 2),
});

/** Everything once more, on what `distinguish` sees. */
export const studyStage = again({
  name: 'study',
  updates: 2926,
  rate: 1.2e-3,
  from: ['practise', 'distinguish'],
  first: 51,
  muon: layersOfWords,
  kinds: hardest(8, 1),
});

/** And again on what `trace` sees. */
export const reviseStage = again({
  name: 'revise',
  updates: 2300,
  rate: 1e-3,
  from: ['study', 'trace'],
  first: 61,
  muon: layersOfWords,
  kinds: hardest(8, 1),
});
