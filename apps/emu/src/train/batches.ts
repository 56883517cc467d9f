import { EmuError, type HostTensor, tensor } from '@emu-ts/base';
import type { RgbImage, Sequence, SequenceFormat, Tokenizer } from '@emu-ts/contracts';
import {
  type BadRows,
  batchSource,
  type DataSource,
  type Json,
  type Labelled,
  placeText,
} from '@emu-ts/data';
import { preprocess } from '@emu-ts/media';
import { imagesOf, mapImages } from '@emu-ts/sequence';
import { collate, drawDropout, drawSampled, rampAt, type TrainingData, trainingRow } from '@emu-ts/training';
import type { SequenceStage } from './recipe.js';
import { needImage, wordsOf } from './words.js';

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
/** Values to the batch of that number. */
type MakeBatch<T> = (values: readonly T[], index: number) => Tensors | Promise<Tensors>;

/** Padded sizes are multiples of these, so that few programs serve all batches. */
const multiples = { length: 32, images: 4, text: 64 };

/**
 * A source as batches of a stage. A position is the source's and the number of the next batch, so that what is drawn by
 * number goes on as well. Values that cannot be used are left out and counted.
 */
export const batchesOf = <T>(
  source: DataSource<T>,
  size: number,
  { usable, make, badRows }: { usable: (one: T) => void; make: MakeBatch<T>; badRows: BadRows },
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

/** So many values that cannot be used, one after the other, mean that none can. */
const patience = 1000;

/**
 * Without the values for which `usable` throws an `EmuError`.
 * @throws EmuError `NO_ROWS` when that is all of them
 */
const filtered = <T>(source: DataSource<T>, usable: (value: T) => void, badRows: BadRows): DataSource<T> => ({
  async *open(position, options) {
    let row = 0;
    let inARow = 0;
    for await (const item of source.open(position, options)) {
      row++;
      try {
        usable(item.value);
      } catch (error) {
        if (!(error instanceof EmuError)) throw error;
        const place = item.place ?? { file: 'sequence', row };
        badRows.add({ place, code: error.code, reason: error.message });
        if (++inARow < patience) continue;
        const last = `${placeText(place)}: ${error.message}`;
        throw new EmuError('NO_ROWS', `None of ${patience} rows can be used here; the last is ${last}`);
      }
      inARow = 0;
      yield item;
    }
  },
});

/** Sequences as batches of the unified objective. */
export function interleavedBatches(
  source: DataSource<Sequence<RgbImage>>,
  stage: SequenceStage,
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
  stage: SequenceStage,
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

/** Labelled pictures as batches of the tagging objective: what a picture is not labelled with, it does not show. */
export const taggingBatches = (
  source: DataSource<Labelled>,
  { batch, tags }: { readonly batch: number; readonly tags: readonly string[] },
  { imageSize, badRows }: BatchMaker,
): TrainingData =>
  batchesOf(source, batch, {
    badRows,
    usable({ labels }) {
      const strange = labels.find((label) => !tags.includes(label));
      if (strange !== undefined)
        throw new EmuError('BAD_ROW', `It is labelled '${strange}', which is none of the stage's tags.`);
    },
    make: (pictures) => ({
      images: stack(pictures.map(({ image }) => preprocess(image, { size: imageSize }))),
      tags: tensor(
        'f32',
        [pictures.length, tags.length],
        Float32Array.from(
          pictures.flatMap(({ labels, unknown = [] }) =>
            tags.map((tag) => (labels.includes(tag) ? 1 : unknown.includes(tag) ? -1 : 0)),
          ),
        ),
      ),
    }),
  });

/** f32 tensors of one shape as one. */
export function stack(parts: readonly HostTensor[]): HostTensor {
  const [{ shape, data }] = parts;
  const out = new Float32Array(parts.length * data.length);
  for (const [i, part] of parts.entries()) out.set(part.data as Float32Array, i * data.length);
  return tensor('f32', [parts.length, ...shape], out);
}
