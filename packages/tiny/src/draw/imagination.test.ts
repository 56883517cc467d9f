import { readFile } from 'node:fs/promises';
import { drawSample, makeSample, type SampleForm, sequenceOf } from '@emu-ts/data';
import { expect, it } from 'vitest';
import { formatOf, tokenizerOf, type Variant } from '../model/model.js';
import { weightsFolder } from '../weights.js';
import { drawPrompt } from './imagination.js';

const forms: Readonly<Record<Variant, SampleForm>> = { base: 'document', instruct: 'dialogue' };
const tasks = ['text-to-image', 'in-context', 'blend', 'describe-and-draw'] as const;

it.each(['base', 'instruct'] as const)(
  'asks the %s variant for a picture in the words that it was trained on',
  async (variant) => {
    const model = new Uint8Array(await readFile(new URL('tokenizer.model', weightsFolder)));
    const format = formatOf(tokenizerOf(model, variant));
    for (const task of tasks) {
      const sample = drawSample(makeSample({ seed: 3, split: 'train', tasks: [task] }, 1));
      const whole = format.encode(sequenceOf(sample, forms[variant]));
      const asked = format.encode(drawPrompt(sample, forms[variant]));
      expect(asked.ids).toEqual(whole.ids.slice(0, asked.ids.length));
      expect(asked.images).toHaveLength(whole.images.length - 1);
    }
  },
);
