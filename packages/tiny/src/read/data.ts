import { type HostTensor, sizeOf, tensor } from '@emu-ts/base';
import type { SequenceFormat, Tokenizer, TrainingTargets } from '@emu-ts/contracts';
import { drawScene, makeSample, type SampleForm, type Scene, type ShapesOptions } from '@emu-ts/data';
import type { RgbImage } from '@emu-ts/media';
import { collate, type TrainingRow } from '@emu-ts/training';
import { asksForKeptBack, keptBack, type Spoken } from './kept-back.js';
import { type Lesson, lesson } from './prompts.js';

/** Samples that are drawn together. */
export interface BatchKind {
  readonly tasks: NonNullable<ShapesOptions['tasks']>;
  readonly rows: number;
  /** Kinds of question, where there are any. Default every kind alike. */
  readonly questions?: ShapesOptions['questions'];
  /** Batches of this kind among all. */
  readonly share: number;
}

/** Looking an object up by its shape alone is learnt last: what is asked so comes most often. */
export const questions = {
  colour: 4,
  position: 3,
  count: 3,
  'yes-no': 4,
  shape: 1,
  size: 1,
  relation: 1,
  between: 1,
} as const;

export interface InterleavedOptions {
  readonly seed: number;
  readonly split: 'train' | 'test';
  readonly form: SampleForm;
  readonly kinds: readonly BatchKind[];
  readonly tokenizer: Tokenizer;
  readonly format: SequenceFormat;
  readonly padId: number;
  readonly imageSize: number;
  /** Embeddings f32 [pictures queries width]. What sees stands still, so that nothing is looked at twice. */
  readonly see: (pictures: readonly RgbImage[]) => Promise<HostTensor<'f32'>>;
  /** How often samples come, a while apart. Default once. */
  readonly passes?: number | undefined;
}

/** Padded sizes are multiples of these, so that few programs serve all batches. */
const multiples = { length: 24, images: 16, text: 4096 };

/** Batches of one kind that are drawn at once and cut by length, so that little is padded. */
const together = 4;

/** Groups between a sample and its next pass. */
const apart = 12;

/** Batches of interleaved documents or dialogues by number. */
export function interleavedBatches(
  options: InterleavedOptions,
): (index: number) => Promise<Record<string, HostTensor>> {
  const { kinds, format, padId, passes = 1 } = options;
  const turns = turnsOf(kinds);
  const walk = passes === 1 ? 1 : apart;
  const groups = new Map<number, Promise<readonly TrainingRow[]>>();
  return async (index) => {
    const turn = index % turns.length;
    const round = Math.floor(index / turns.length);
    const stretch = Math.floor(round / (walk * together * passes));
    const within = round % (walk * together);
    const group = stretch * walk + Math.floor(within / together);
    const { rows, ...kind } = kinds[turns[turn]];
    const key = group * turns.length + turn;
    const made = groups.get(key) ?? rowsOf(options, { rows, ...kind }, key * mostRows);
    groups.set(key, made);
    for (const old of groups.keys()) if (old < stretch * walk * turns.length) groups.delete(old);
    // Which quarter comes when differs from turn to turn: lengths mix over neighbouring updates.
    const part = (round + turn) % together;
    const chosen = (await made).slice(part * rows, (part + 1) * rows);
    return collate(chosen, { queries: format.queries, padId, images: 'embeddings', multiples, excluded: 2 });
  };
}

/** More samples than any group has: their numbers never meet. */
const mostRows = 512;

/** Samples for a few batches, their pictures seen, shortest first. */
async function rowsOf(
  options: InterleavedOptions,
  kind: BatchKind,
  first: number,
): Promise<readonly TrainingRow[]> {
  const { imageSize: size, see } = options;
  const drafts = draftsOf(options, kind, first);
  const drawn = drafts.map(({ scenes }) => scenes.map((scene) => drawScene(scene, size)));
  const { shape, data } = await see(drawn.flat());
  const each = shape.slice(1);
  let next = 0;
  return drafts.map(({ scenes, ...row }) => ({
    ...row,
    images: scenes.map(() => {
      const from = next++ * sizeOf(each);
      return tensor('f32', each, data.subarray(from, from + sizeOf(each)));
    }),
  }));
}

/** A row whose pictures are not drawn yet. */
interface Draft extends Omit<TrainingRow, 'images'> {
  readonly scenes: readonly Scene[];
}

/** Samples for a few batches, shortest first. */
function draftsOf(options: InterleavedOptions, kind: BatchKind, first: number): readonly Draft[] {
  const { seed, split, form, format, tokenizer } = options;
  const excluded = keptBack(tokenizer);
  const count = (sequence: Lesson['whole']) => format.encode(sequence, { eos: false }).ids.length;
  const drafts = Array.from({ length: kind.rows * together }, (_, i): Draft => {
    const { whole, turns } = lesson(
      makeSample({ seed, split, tasks: kind.tasks, questions: kind.questions }, first + i),
      form,
    );
    const { ids, imageSlots, images } = format.encode(whole, { eos: form === 'document' });
    const spoken = turns.map(({ asked, answered, truth }) => ({
      from: count(asked),
      to: count(answered),
      truth,
    }));
    const targets =
      form === 'dialogue'
        ? format.targets(ids, { answersOnly: true, superviseImageOpen: true })
        : repliesOnly(format.targets(ids), spoken);
    return {
      ids,
      imageSlots,
      targets: withoutKeptBack(targets, spoken),
      scenes: images,
      excluded: excluded(ids, spoken),
    };
  });
  return drafts.sort((a, b) => a.ids.length - b.ids.length);
}

/**
 * What a document asks of the model: replies, in words or pictures, and the end. Pages and storyboards are one reply.
 * A question after a picture is not to be guessed; were it, a picture alone would call for a question as often as for
 * its description.
 */
function repliesOnly(targets: TrainingTargets, spoken: readonly Spoken[]): TrainingTargets {
  const end = spoken[spoken.length - 1]?.to;
  const isSpoken = (at: number) => at === end || spoken.some(({ from, to }) => from <= at && at < to);
  const kept = Array.from(targets.regressionLabels, (at, i) => (isSpoken(at) ? i : -1)).filter((i) => i >= 0);
  return {
    labels: targets.labels.map((label, at) => (isSpoken(at) ? label : -100)),
    regressionInputs: Int32Array.from(kept, (i) => targets.regressionInputs[i]),
    regressionLabels: Int32Array.from(kept, (i) => targets.regressionLabels[i]),
  };
}

/** Questions for what training keeps back are read, and their answers are not learnt. */
function withoutKeptBack(targets: TrainingTargets, spoken: readonly Spoken[]): TrainingTargets {
  const silent = spoken.filter(({ truth }) => asksForKeptBack(truth));
  const isSilent = (at: number) => silent.some(({ from, to }) => from <= at && at < to);
  return { ...targets, labels: targets.labels.map((label, at) => (isSilent(at) ? -100 : label)) };
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
