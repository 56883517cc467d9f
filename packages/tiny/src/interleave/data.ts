import type { HostTensor } from '@emu-ts/base';
import type { SequenceFormat } from '@emu-ts/contracts';
import { drawScene, makeSample, type SampleForm, type Scene, type ShapesOptions } from '@emu-ts/data';
import { preprocess } from '@emu-ts/media';
import { collate, type TrainingRow } from '@emu-ts/training';
import { lesson } from './prompts.js';

/** Samples that are drawn together. */
export interface BatchKind {
  readonly tasks: NonNullable<ShapesOptions['tasks']>;
  readonly rows: number;
  /** Batches of this kind among all. */
  readonly share: number;
}

export interface InterleavedOptions {
  readonly seed: number;
  readonly split: 'train' | 'test';
  readonly form: SampleForm;
  readonly kinds: readonly BatchKind[];
  readonly format: SequenceFormat;
  readonly padId: number;
  readonly imageSize: number;
}

/** Padded sizes are multiples of these, so that few programs serve all batches. */
const multiples = { length: 24, images: 64, text: 4096 };

/** Batches of one kind that are drawn at once and cut by length, so that little is padded. */
const together = 4;

/** Batches of interleaved documents or dialogues by number. */
export function interleavedBatches(
  options: InterleavedOptions,
): (index: number) => Record<string, HostTensor> {
  const { kinds, format, padId, imageSize } = options;
  const turns = turnsOf(kinds);
  const groups = new Map<string, readonly Draft[]>();
  return (index) => {
    const turn = index % turns.length;
    const kind = turns[turn];
    const round = Math.floor(index / turns.length);
    const group = Math.floor(round / together);
    const key = `${group} ${turn}`;
    const drafts =
      groups.get(key) ?? draftsOf(options, kinds[kind], (group * turns.length + turn) * mostRows);
    groups.set(key, drafts);
    // Which quarter comes when differs from turn to turn: lengths mix over neighbouring updates.
    const part = (round + turn) % together;
    if (round % together === together - 1) groups.delete(key);
    const { rows } = kinds[kind];
    const chosen = drafts.slice(part * rows, (part + 1) * rows).map(
      ({ scenes, ...row }): TrainingRow => ({
        ...row,
        images: scenes.map((scene) => preprocess(drawScene(scene, imageSize), { size: imageSize })),
      }),
    );
    return collate(chosen, { queries: format.queries, padId, multiples });
  };
}

/** More samples than any group has: their numbers never meet. */
const mostRows = 512;

/** A row whose pictures are not drawn yet. */
interface Draft extends Omit<TrainingRow, 'images'> {
  readonly scenes: readonly Scene[];
}

/** Samples for a few batches, shortest first. */
function draftsOf(
  { seed, split, form, format }: InterleavedOptions,
  kind: BatchKind,
  first: number,
): readonly Draft[] {
  const drafts = Array.from({ length: kind.rows * together }, (_, i): Draft => {
    const sample = makeSample({ seed, split, tasks: kind.tasks }, first + i);
    const { ids, imageSlots, images } = format.encode(lesson(sample, form), { eos: form === 'document' });
    const targets = format.targets(ids, {
      answersOnly: form === 'dialogue',
      superviseImageOpen: form === 'dialogue',
    });
    return { ids, imageSlots, targets, scenes: images };
  });
  return drafts.sort((a, b) => a.ids.length - b.ids.length);
}

/** The kinds in turn, spread as evenly as their shares allow. */
function turnsOf(kinds: readonly BatchKind[]): number[] {
  const total = kinds.reduce((sum, { share }) => sum + share, 0);
  const owed = kinds.map(() => 0);
  return Array.from({ length: total }, () => {
    for (const [k, { share }] of kinds.entries()) owed[k] += share;
    const chosen = owed.indexOf(Math.max(...owed));
    owed[chosen] -= total;
    return chosen;
  });
}
