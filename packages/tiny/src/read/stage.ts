import { tensorSource } from '@emu-ts/params';
import { indexedData, interleavedObjective, trainingStep, warmupCosine } from '@emu-ts/training';
import { vision } from '../model/config.js';
import { type Ablation, formatOf, smallEmu, tokenizerOf } from '../model/model.js';
import { freshWeights } from '../see/start.js';
import { looking } from '../train/looking.js';
import { type Stage, weightsOf } from '../train/stage.js';
import { type BatchKind, interleavedBatches, questions } from './data.js';

/** Every task of the world; those of like length stand together, and what is hardest comes most often. */
const kinds: readonly BatchKind[] = [
  { tasks: { caption: 1 }, rows: 64, share: 4 },
  { tasks: { question: 1 }, questions, rows: 80, share: 8 },
  { tasks: { 'text-to-image': 1 }, rows: 64, share: 1 },
  { tasks: { 'video-caption': 2, 'video-question': 1 }, rows: 32, share: 7 },
  { tasks: { dialogue: 2, 'in-context': 1.5, blend: 1.5, 'describe-and-draw': 1 }, rows: 40, share: 3 },
  { tasks: { document: 2, 'few-shot': 1, storyboard: 1 }, rows: 14, share: 1 },
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

/** The unified objective on interleaved documents: next word, next image embedding. Samples come three times. */
export const readStage: Stage = {
  name: 'read',
  updates: 14_000,
  async make(workshop, updates, options) {
    const { seed, tokenizerModel, without, eyes } = workshop;
    const tokenizer = tokenizerOf(tokenizerModel, 'base');
    const parts = smallEmu(tokenizer.size, 'base', without);
    const step = trainingStep({
      params: parts.whole.params,
      objective: interleavedObjective(parts.whole, { imageWeight: without === 'image-loss' ? 0 : 1 }),
      optimizer: {
        betas: [0.9, 0.98],
        eps: 1e-6,
        weightDecay: 0.05,
        clipNorm: 1,
        muon: ['decoder.lm.model.layers.**'],
        frozen: standing(without),
        groups: [{ name: 'language-model', match: ['**'], rate: 2e-3 }],
      },
    });
    const fresh = tensorSource(freshWeights(parts.whole.params, vision, seed));
    const dir = eyes && without !== 'causal-transformer' ? eyes : workshop.dir;
    const weights = await weightsOf({ dir }, 'see', { under: fresh });
    const { see, close } = await looking(workshop, parts, weights, options);
    return {
      step,
      weights,
      close,
      data: indexedData({
        batch: interleavedBatches({
          seed,
          split: 'train',
          form: 'document',
          kinds:
            without === 'video'
              ? kinds.map(withoutVideo).filter(({ tasks }) => Object.keys(tasks).length)
              : kinds,
          tokenizer,
          format: formatOf(tokenizer),
          padId: tokenizer.special.get('[PAD]') as number,
          imageSize: vision.imageSize,
          see,
          passes: 3,
        }),
      }),
      schedule: warmupCosine({ steps: updates, warmup: 200, final: 0.02 }),
    };
  },
};
