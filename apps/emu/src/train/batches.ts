import { EmuError, type HostTensor, tensor } from '@emu-ts/base';
import type { RgbImage, Sequence, SequenceFormat, Tokenizer } from '@emu-ts/contracts';
import { type BadRows, batchSource, type DataSource, type Json } from '@emu-ts/data';
import { preprocess } from '@emu-ts/media';
import { imagesOf, mapImages } from '@emu-ts/sequence';
import { collate, drawDropout, drawSampled, rampAt, type TrainingData, trainingRow } from '@emu-ts/training';
import type { CliStage } from './recipe.js';

/** What batches are made with. */
export interface BatchMaker {
  readonly tokenizer: Tokenizer;
  readonly format: SequenceFormat;
  readonly padId: number;
  readonly imageSize: number;
  readonly contextLength: number;
  readonly seed: number;
  /** Whether the model leaves out what low-rank updates read. */
  readonly dropout: boolean;
  readonly badRows: BadRows;
}

type Tensors = Record<string, HostTensor>;
type Sequences = readonly Sequence<RgbImage>[];
/** Sequences to the batch of that number. */
export type MakeBatch = (sequences: Sequences, index: number) => Tensors | Promise<Tensors>;

/** Padded sizes are multiples of these, so that few programs serve all batches. */
const multiples = { length: 32, images: 4, text: 64 };

/**
 * A source as batches of a stage. A position is the source's and the number of the next batch, so that what is drawn by
 * number goes on as well. Sequences that cannot be used are left out and counted.
 */
export const batchesOf = (
  source: DataSource<Sequence<RgbImage>>,
  size: number,
  { usable, make, badRows }: { usable: (one: Sequence<RgbImage>) => void; make: MakeBatch; badRows: BadRows },
): TrainingData => ({
  async *open(position, { signal }) {
    const start = (position ?? { next: undefined, index: 0 }) as { next?: Json; index: number };
    let { index } = start;
    const good = batchSource(filtered(source, usable, badRows), size);
    for await (const { value, position: next } of good.open(start.next, { signal, badRows })) {
      signal?.throwIfAborted();
      yield { tensors: await make(value, index++), position: { next, index } };
    }
  },
});

/** Without the values for which `usable` throws an `EmuError`. */
const filtered = <T>(source: DataSource<T>, usable: (value: T) => void, badRows: BadRows): DataSource<T> => ({
  async *open(position, options) {
    let row = 0;
    for await (const item of source.open(position, options)) {
      row++;
      try {
        usable(item.value);
      } catch (error) {
        if (!(error instanceof EmuError)) throw error;
        badRows.add({ place: { file: 'sequence', row }, code: error.code, reason: error.message });
        continue;
      }
      yield item;
    }
  },
});

/** Sequences as batches of the unified objective. */
export function interleavedBatches(
  source: DataSource<Sequence<RgbImage>>,
  stage: CliStage,
  maker: BatchMaker,
): TrainingData {
  const { format, imageSize, contextLength, padId, seed, dropout, badRows } = maker;
  const { answersOnly, superviseImageOpen, accumulate = 1 } = stage;
  const sampling = stage.scheduledSampling === undefined ? undefined : rampAt(stage.scheduledSampling);
  const pixels = (image: RgbImage) => preprocess(image, { size: imageSize });
  return batchesOf(source, stage.batch, {
    badRows,
    usable(sequence) {
      const { ids } = format.encode(sequence, { eos: true, contextLength });
      if (!answersOnly) return;
      const { labels } = format.targets(ids, { answersOnly, superviseImageOpen });
      if (!labels.some((label) => label >= 0))
        throw new EmuError('BAD_ROW', 'Nobody answers: with answersOnly nothing of it is trained on.');
    },
    make(sequences, index) {
      const rows = sequences.map((sequence) =>
        trainingRow(format, mapImages(sequence, pixels), { answersOnly, superviseImageOpen, contextLength }),
      );
      const batch = collate(rows, { queries: format.queries, padId, multiples });
      const rate = sampling?.(Math.floor(index / accumulate)) ?? 0;
      const images = batch.images?.shape[0];
      return {
        ...batch,
        ...(rate > 0 && images
          ? { sampled: drawSampled({ shape: [images, format.queries], rate, seed, index }) }
          : {}),
        ...(dropout ? { dropout: drawDropout({ seed, index }) } : {}),
      };
    },
  });
}

/** Pairs as batches of the contrastive objective: the first picture of each sequence, and all its words. */
export function contrastiveBatches(
  source: DataSource<Sequence<RgbImage>>,
  stage: CliStage,
  { tokenizer, imageSize, contextLength, padId, badRows }: BatchMaker,
): TrainingData {
  const idsOf = (sequence: Sequence<RgbImage>) =>
    tokenizer.encode(wordsOf(sequence), { eos: true }).slice(0, contextLength);
  return batchesOf(source, stage.batch, {
    badRows,
    usable: (sequence) => {
      needImage(sequence);
      if (wordsOf(sequence) === '')
        throw new EmuError('BAD_ROW', 'There are no words to compare the picture with.');
    },
    make(sequences) {
      const rows = sequences.map(idsOf);
      const length =
        multiples.length * Math.ceil(Math.max(...rows.map((ids) => ids.length)) / multiples.length);
      const ids = new Int32Array(rows.length * length).fill(padId);
      for (const [r, row] of rows.entries()) ids.set(row, r * length);
      const texts = sequences.map(wordsOf);
      return {
        images: stack(sequences.map((sequence) => preprocess(imagesOf(sequence)[0], { size: imageSize }))),
        ids: tensor('i32', [rows.length, length], ids),
        ends: tensor(
          'i32',
          [rows.length],
          Int32Array.from(rows, (row) => row.length - 1),
        ),
        groups: tensor(
          'i32',
          [rows.length],
          Int32Array.from(texts, (words) => texts.indexOf(words)),
        ),
      };
    },
  });
}

/** All that is said, in order. */
export const wordsOf = (sequence: Sequence<unknown>): string =>
  sequence
    .flatMap((element) => (element.type === 'text' ? [element.text.trim()] : []))
    .join(' ')
    .trim();

export function needImage(sequence: Sequence<unknown>): void {
  if (imagesOf(sequence).length === 0) throw new EmuError('BAD_ROW', 'There is no image in it.');
}

/** f32 tensors of one shape as one. */
export function stack(parts: readonly HostTensor[]): HostTensor {
  const [{ shape, data }] = parts;
  const out = new Float32Array(parts.length * data.length);
  for (const [i, part] of parts.entries()) out.set(part.data as Float32Array, i * data.length);
  return tensor('f32', [parts.length, ...shape], out);
}
