import {
  emuInstructionTuning,
  indexedData,
  interleavedObjective,
  loraStart,
  trainingStep,
  warmupCosine,
} from '@emu-ts/training';
import { vision } from '../model/config.js';
import { formatOf, smallEmu, tokenizerOf } from '../model/model.js';
import { type BatchKind, interleavedBatches, questions } from '../read/data.js';
import { looking } from '../train/looking.js';
import { type Stage, weightsOf } from '../train/stage.js';

const kinds: readonly BatchKind[] = [
  { tasks: { caption: 2, question: 3, 'text-to-image': 2 }, questions, rows: 48, share: 3 },
  { tasks: { dialogue: 2, 'in-context': 1, blend: 1, 'describe-and-draw': 3 }, rows: 32, share: 3 },
  { tasks: { 'video-caption': 3, 'video-question': 2 }, rows: 24, share: 5 },
  { tasks: { 'few-shot': 1 }, rows: 16, share: 1 },
];

/** Instruction tuning by low-rank updates: answers only, `[IMG]` asked for too, so that a reply may open a picture. */
export const instructStage: Stage = {
  name: 'instruct',
  updates: 6000,
  async make(workshop, updates, options) {
    const { seed, tokenizerModel } = workshop;
    const base = tokenizerOf(tokenizerModel, 'base');
    const tokenizer = tokenizerOf(tokenizerModel, 'instruct');
    const format = formatOf(tokenizer);
    const parts = smallEmu(tokenizer.size, 'instruct');
    const padId = tokenizer.special.get('[PAD]') as number;
    // The released tuning trains the rows of added tokens. Nothing before it ever asked for `[IMG]`, so its row goes along.
    const tuning = emuInstructionTuning(base.special.get('[IMG]') as number);
    const step = trainingStep({
      params: parts.whole.params,
      objective: interleavedObjective(parts.whole),
      optimizer: { ...tuning, groups: [{ name: 'lora', match: ['**'], rate: 2e-3 }] },
    });
    const pretrained = await weightsOf(workshop, 'read');
    const { see, close } = await looking(workshop, parts, pretrained, options);
    return {
      step,
      weights: loraStart(pretrained, parts.whole.params, { seed }),
      close,
      data: indexedData({
        batch: interleavedBatches({
          seed: seed + 1,
          split: 'train',
          form: 'dialogue',
          kinds,
          tokenizer,
          format,
          padId,
          imageSize: vision.imageSize,
          see,
          passes: 3,
        }),
      }),
      schedule: warmupCosine({ steps: updates, warmup: 50, final: 0.02 }),
    };
  },
};
