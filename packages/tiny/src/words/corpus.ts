import { makeSample, type SampleForm, sequenceOf, taskNames } from '@emu-ts/data';
import { promptTexts } from '../read/prompts.js';

/** The texts that the shapes world writes, as documents and as dialogues, instructions included. */
export function* corpus({
  seed,
  samples,
}: {
  readonly seed: number;
  readonly samples: number;
}): Generator<string> {
  for (let i = 0; i < samples; i++) {
    if (i % 100 === 0) yield* promptTexts;
    const sample = makeSample({ seed, split: 'train', tasks: [taskNames[i % taskNames.length]] }, i);
    for (const form of ['document', 'dialogue'] satisfies SampleForm[]) {
      for (const element of sequenceOf(sample, form)) if (element.type === 'text') yield element.text;
    }
  }
}
