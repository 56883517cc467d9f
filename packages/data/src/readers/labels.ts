import type { RgbImage } from '@emu-ts/media';
import type { FileSource } from '../files/data-file.js';
import { type Fields, lines, objectOf } from '../files/lines.js';
import { type ParquetOptions, parquetRows } from '../files/parquet.js';
import { imagesOfSample } from '../shapes/sample.js';
import { makeSample } from '../shapes/tasks/index.js';
import { heldOutLabels, labelsOf } from '../shapes/words/labels.js';
import { drawScene } from '../shapes/world/draw-scene.js';
import { RowError } from '../stream/bad-rows.js';
import { type RowContext, shardedSource } from '../stream/sharded.js';
import { type DataSource, mapSource } from '../stream/source.js';
import { folderOf, type ReaderOptions, readImage } from './options.js';
import { imageRef, shardOf } from './pairs.js';
import { type ShapesSourceOptions, sampleSource } from './shapes-world.js';

/** A picture and what it shows, in words of a closed list. */
export interface Labelled {
  readonly image: RgbImage;
  readonly labels: readonly string[];
  /** Words of which nobody knows whether they fit. */
  readonly unknown?: readonly string[] | undefined;
}

export interface LabelColumns {
  /** Column of the picture: a path, a data URL, or bytes; `image` by default. */
  readonly image?: string | undefined;
  /** Column of a list of texts, of one text with commas, or of a number; `labels` by default. */
  readonly labels?: string | undefined;
}

export interface LabelOptions extends Omit<ReaderOptions, 'imageFirst'> {
  readonly columns?: LabelColumns | undefined;
}

/** Labelled pictures from JSON lines: `{"image": "cat.jpg", "labels": ["cat", "sofa"]}`, or `"cat, sofa"`. */
export const jsonlLabels = (files: readonly FileSource[], options: LabelOptions = {}): DataSource<Labelled> =>
  shardedSource(
    () => files.map((source) => shardOf(source, lines)),
    (row: Uint8Array, context) => labelledOf(objectOf(row), context, options),
    options,
  );

/** Labelled pictures from parquet files. */
export const parquetLabels = (
  files: readonly FileSource[],
  options: LabelOptions & Pick<ParquetOptions, 'compressors'> = {},
): DataSource<Labelled> => {
  const { image = 'image', labels = 'labels' } = options.columns ?? {};
  const reading = { columns: [image, labels], compressors: options.compressors };
  return shardedSource(
    () =>
      files.map((source) =>
        shardOf(source, (file, from, signal) => parquetRows(file, from, signal, reading)),
      ),
    (row: Fields, context) => labelledOf(row, context, options),
    options,
  );
};

/**
 * The first picture of each sample of the shapes world, with the words of `sceneLabels` that fit. Training pictures never
 * show what is kept for tests, so nothing is said of it there.
 */
export const shapesLabels = (options: ShapesSourceOptions): DataSource<Labelled> => {
  const unknown = options.split === 'train' ? heldOutLabels : [];
  return mapSource(sampleSource(options), (index) => {
    const [scene] = imagesOfSample(makeSample(options, index));
    return { image: drawScene(scene, options.size), labels: labelsOf(scene), unknown };
  });
};

async function labelledOf(fields: Fields, context: RowContext, options: LabelOptions): Promise<Labelled> {
  const { image = 'image', labels = 'labels' } = options.columns ?? {};
  const words = wordsOf(fields, labels);
  const ref = imageRef(fields, image);
  return { image: await readImage(ref, folderOf(context.place.file), context, options), labels: words };
}

function wordsOf(fields: Fields, name: string): string[] {
  const value = fields[name];
  if (Array.isArray(value) && value.every((one) => wordOf(one) !== undefined))
    return value.map(wordOf) as string[];
  const word = wordOf(value);
  if (word !== undefined) return splitLabels(word);
  const got =
    value === undefined ? `only ${Object.keys(fields).join(', ') || 'nothing'}` : JSON.stringify(value);
  throw new RowError(`Wanted a list of labels in '${name}', got ${got?.slice(0, 120)}.`);
}

/** Numbers of classes are labels too. */
function wordOf(value: unknown): string | undefined {
  if (value instanceof Uint8Array) return new TextDecoder().decode(value).trim();
  if (typeof value === 'string') return value.trim();
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}

/** `cat, sofa` as its labels. */
export const splitLabels = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
