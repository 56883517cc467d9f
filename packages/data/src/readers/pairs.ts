import type { Sequence } from '@emu-ts/contracts';
import type { RgbImage } from '@emu-ts/media';
import { pair } from '@emu-ts/sequence';
import { dataFile, type FileSource } from '../files/data-file.js';
import { type Fields, lines, objectOf, textField } from '../files/lines.js';
import { type ParquetOptions, parquetRows } from '../files/parquet.js';
import { RowError } from '../stream/bad-rows.js';
import { type RowContext, type Shard, shardedSource } from '../stream/sharded.js';
import type { DataSource } from '../stream/source.js';
import { drawOrder, folderOf, type ImageRef, type ReaderOptions, readImage } from './options.js';

export interface PairColumns {
  /** Column of the picture: a path, a data URL, or bytes; `image` by default. */
  readonly image?: string | undefined;
  /** Column of the caption; `text` by default. */
  readonly text?: string | undefined;
}

export interface PairOptions extends ReaderOptions {
  readonly columns?: PairColumns | undefined;
}

/** Image–text pairs from JSON lines: `{"image": "cat.jpg", "text": "a cat"}`. */
export const jsonlPairs = (
  files: readonly FileSource[],
  options: PairOptions = {},
): DataSource<Sequence<RgbImage>> =>
  shardedSource(
    () => files.map((source) => shardOf(source, lines)),
    (row: Uint8Array, context) => pairOf(objectOf(row), context, options),
    options,
  );

/**
 * Image–text pairs from parquet files, as LAION's with local pictures have them: a path or bytes (also Hugging Face's
 * `{ bytes, path }`) and a caption.
 */
export const parquetPairs = (
  files: readonly FileSource[],
  options: PairOptions & Pick<ParquetOptions, 'compressors'> = {},
): DataSource<Sequence<RgbImage>> => {
  const { image = 'image', text = 'text' } = options.columns ?? {};
  const reading = { columns: [image, text], compressors: options.compressors };
  return shardedSource(
    () =>
      files.map((source) =>
        shardOf(source, (file, from, signal) => parquetRows(file, from, signal, reading)),
      ),
    (row: Fields, context) => pairOf(row, context, options),
    options,
  );
};

/** A file as a shard. */
export const shardOf = <R>(
  source: FileSource,
  read: (
    file: ReturnType<typeof dataFile>,
    from: number,
    signal: AbortSignal,
  ) => ReturnType<Shard<R>['rows']>,
): Shard<R> => {
  const file = dataFile(source);
  return { name: file.name, rows: (from, signal) => read(file, from, signal) };
};

async function pairOf(
  fields: Fields,
  context: RowContext,
  options: PairOptions,
): Promise<Sequence<RgbImage>> {
  const { image: column = 'image', text: caption = 'text' } = options.columns ?? {};
  const words = textField(textual(fields, caption), caption).trim();
  const image = await readImage(imageRef(fields, column), folderOf(context.place.file), context, options);
  return pair(image, words, drawOrder(context.draws, options));
}

/** Parquet gives text of untyped columns as bytes. */
function textual(fields: Fields, name: string): Fields {
  const value = fields[name];
  return value instanceof Uint8Array ? { ...fields, [name]: new TextDecoder().decode(value) } : fields;
}

/** The picture of a row, not read yet. @throws RowError */
export function imageRef(fields: Fields, name: string): ImageRef {
  const value = fields[name];
  if (value instanceof Uint8Array) return looksLikePath(value) ? new TextDecoder().decode(value) : value;
  if (typeof value === 'string' && value !== '') return value;
  const nested = value as { bytes?: unknown; path?: unknown } | null | undefined;
  if (nested?.bytes instanceof Uint8Array) return nested.bytes;
  if (typeof nested?.path === 'string') return nested.path;
  throw new RowError(
    `There is no image in '${name}'; the row has ${Object.keys(fields).join(', ') || 'no fields'}.`,
  );
}

/** Short and printable: no picture is that. */
const looksLikePath = (bytes: Uint8Array): boolean =>
  bytes.length < 1024 && bytes.every((byte) => byte >= 32 && byte !== 127);
