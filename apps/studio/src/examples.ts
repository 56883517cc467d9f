import { drawSample, makeSample, promptOf, type TaskName } from '@emu-ts/data';
import type { EmuItem } from '@emu-ts/emu';
import type { Variant } from './protocol.js';

/** What the small model knows, one sample of each kind. */
export const tasks = [
  'caption',
  'question',
  'few-shot',
  'video-caption',
  'text-to-image',
  'in-context',
  'blend',
] as const satisfies readonly TaskName[];

/** The beginning of a sample, as the model of that variant is to go on from it. */
export function exampleOf(task: (typeof tasks)[number], variant: Variant, seed: number): EmuItem[] {
  const sample = drawSample(makeSample({ seed, split: 'train', tasks: [task] }, 0));
  return promptOf(sample, variant === 'base' ? 'document' : 'dialogue').flatMap((element): EmuItem[] => {
    if (element.type === 'text') return [element.text];
    if (element.type === 'image') return [element.image];
    if (element.type === 'role') return [{ role: element.role }];
    return element.type === 'video' ? [{ video: element.frames }] : [];
  });
}
