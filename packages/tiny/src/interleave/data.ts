import type { HostTensor } from '@emu-ts/base';
import type { SequenceFormat, Tokenizer, TrainingTargets } from '@emu-ts/contracts';
import { drawScene, makeSample, type SampleForm, type Scene, type ShapesOptions } from '@emu-ts/data';
import { preprocess } from '@emu-ts/media';
import { collate, type TrainingRow } from '@emu-ts/training';
import { neverShown } from './never-shown.js';
import { type Lesson, lesson } from './prompts.js';

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
  readonly tokenizer: Tokenizer;
  readonly format: SequenceFormat;
  readonly padId: number;
  readonly imageSize: number;
}

/** Padded sizes are multiples of these, so that few programs serve all batches. */
const multiples = { length: 24, images: 16, text: 4096 };

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
    return collate(chosen, { queries: format.queries, padId, multiples, excluded: 2 });
  };
}

/** More samples than any group has: their numbers never meet. */
const mostRows = 512;

/** A row whose pictures are not drawn yet. */
interface Draft extends Omit<TrainingRow, 'images'> {
  readonly scenes: readonly Scene[];
}

/** Samples for a few batches, shortest first. */
function draftsOf(options: InterleavedOptions, kind: BatchKind, first: number): readonly Draft[] {
  const { seed, split, form, format, tokenizer } = options;
  const excludedFrom = neverShown(tokenizer);
  const drafts = Array.from({ length: kind.rows * together }, (_, i): Draft => {
    const told = lesson(makeSample({ seed, split, tasks: kind.tasks }, first + i), form);
    const { ids, imageSlots, images } = format.encode(told.whole, { eos: form === 'document' });
    const targets =
      form === 'dialogue'
        ? format.targets(ids, { answersOnly: true, superviseImageOpen: true })
        : repliesOnly(format.targets(ids), told, format);
    return { ids, imageSlots, targets, scenes: images, excluded: excludedFrom(ids) };
  });
  return drafts.sort((a, b) => a.ids.length - b.ids.length);
}

/**
 * What a document asks of the model: replies, in words or pictures, and the end. Pages and storyboards are one reply.
 * A question after a picture is not to be guessed; were it, a picture alone would call for a question as often as for
 * its description.
 */
function repliesOnly(targets: TrainingTargets, { turns }: Lesson, format: SequenceFormat): TrainingTargets {
  const count = (sequence: Lesson['whole']) => format.encode(sequence, { eos: false }).ids.length;
  const spans = turns.map(({ asked, answered }) => [count(asked), count(answered)] as const);
  const last = spans[spans.length - 1]?.[1];
  const spoken = (at: number) => at === last || spans.some(([from, to]) => from <= at && at < to);
  const kept = Array.from(targets.regressionLabels, (at, i) => (spoken(at) ? i : -1)).filter((i) => i >= 0);
  return {
    labels: targets.labels.map((label, at) => (spoken(at) ? label : -100)),
    regressionInputs: Int32Array.from(kept, (i) => targets.regressionInputs[i]),
    regressionLabels: Int32Array.from(kept, (i) => targets.regressionLabels[i]),
  };
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
