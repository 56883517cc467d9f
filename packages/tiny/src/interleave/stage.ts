import { indexedData, interleavedObjective, trainingStep, warmupCosine } from '@emu-ts/training';
import { vision } from '../model/config.js';
import { type Ablation, formatOf, smallEmu, tokenizerOf } from '../model/model.js';
import { freshWeights } from '../see/start.js';
import { type Stage, weightsOf } from '../train/stage.js';
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
const eyes = (without?: Ablation): string[] => [
  'visual.**',
  'ln_visual.**',
  without === 'causal-transformer' ? 'pooling.**' : 'cformer.**',
];

/** The unified objective on interleaved documents: next word, next image embedding. */
export const interleaveStage: Stage = {
  name: 'interleave',
  updates: 4700,
  async make(workshop, updates) {
    const { seed, tokenizerModel, without } = workshop;
    const tokenizer = tokenizerOf(tokenizerModel, 'base');
    const format = formatOf(tokenizer);
    const { whole } = smallEmu(tokenizer.size, 'base', without);
    const padId = tokenizer.special.get('[PAD]') as number;
    const step = trainingStep({
      params: whole.params,
      objective: interleavedObjective(whole, { imageWeight: without === 'image-loss' ? 0 : 1 }),
      optimizer: {
        betas: [0.9, 0.98],
        eps: 1e-6,
        weightDecay: 0.02,
        clipNorm: 1,
        frozen: eyes(without),
        groups: [{ name: 'language-model', match: ['**'], rate: 1.5e-3 }],
      },
    });
    const weights = await weightsOf({ dir: workshop.eyes ?? workshop.dir }, 'see', {
      under: freshWeights(whole.params, vision, seed),
    });
    return {
      step,
      weights,
      close: () => weights.close(),
      data: indexedData({
        batch: interleavedBatches({
          seed,
          split: 'train',
          form: 'document',
          kinds: without === 'video' ? kinds.map(withoutVideo) : kinds,
          tokenizer,
          format,
          padId,
          imageSize: vision.imageSize,
        }),
      }),
      schedule: warmupCosine({ steps: updates, warmup: 200, final: 0.02 }),
    };
  },
};
