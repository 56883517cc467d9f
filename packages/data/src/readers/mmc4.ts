import type { Sequence } from '@emu-ts/contracts';
import { MediaError, type RgbImage } from '@emu-ts/media';
import { interleaved, type PairOrder, type Part } from '@emu-ts/sequence';
import type { FileSource } from '../files/data-file.js';
import { type Fields, fieldsOf, lines, objectOf } from '../files/lines.js';
import { RowError } from '../stream/bad-rows.js';
import { type RowContext, shardedSource } from '../stream/sharded.js';
import type { DataSource } from '../stream/source.js';
import { type CropOptions, cropSequence } from './crop.js';
import { drawOrder, folderOf, type ReaderOptions, readImage } from './options.js';
import { shardOf } from './pairs.js';

export interface Mmc4Options extends ReaderOptions {
  /** Images whose CLIP similarity to their sentence is lower are left out; 0.32 by default. */
  readonly minSimilarity?: number | undefined;
  /** Images of a document, the first ones; 5 by default. */
  readonly maxImages?: number | undefined;
  /**
   * `first`: the whole document with its first images (the default); `random`: images at random, each with its sentence
   * and no other.
   */
  readonly choose?: 'first' | 'random' | undefined;
  /** Keeps a random run of the document; one without an image counts as a document without. */
  readonly crop?: CropOptions<RgbImage> | undefined;
}

/**
 * Interleaved documents of MMC4 (`text_list`, `image_info` with `image_name`, `matched_text_index`, `matched_sim`), their
 * pictures as files. Each image stands right before or right after its sentence. A picture that cannot be read is
 * reported and the document kept without it; a document without any picture is left out.
 */
export const mmc4Documents = (
  files: readonly FileSource[],
  options: Mmc4Options = {},
): DataSource<Sequence<RgbImage>> =>
  shardedSource(
    () => files.map((source) => shardOf(source, lines)),
    (row: Uint8Array, context) => documentOf(objectOf(row), context, options),
    options,
  );

interface ImageInfo {
  readonly name: string;
  readonly sentence: number;
  readonly similarity: number;
}

async function documentOf(
  fields: Fields,
  context: RowContext,
  options: Mmc4Options,
): Promise<Sequence<RgbImage>> {
  const { minSimilarity = 0.32, maxImages = 5, choose = 'first', crop } = options;
  const sentences = sentencesOf(fields);
  const all = imagesOf(fields, sentences.length);
  const matched = all
    .filter(({ similarity }) => similarity >= minSimilarity)
    .sort((a, b) => a.sentence - b.sentence);
  const pictures: { readonly sentence: number; readonly image: RgbImage }[] = [];
  for (const { name, sentence } of matched) {
    if (pictures.length === maxImages) break;
    try {
      pictures.push({
        sentence,
        image: await readImage(name, folderOf(context.place.file), context, options),
      });
    } catch (error) {
      if (!(error instanceof MediaError || error instanceof RowError)) throw error;
      context.report(error);
    }
  }
  if (pictures.length === 0) {
    const why = `${all.length} listed, ${matched.length} of similarity at least ${minSimilarity}, none readable`;
    throw new RowError(`The document has no image: ${why}.`);
  }
  const kept = sentences.map((sentence, i) =>
    choose === 'first' || pictures.some((picture) => picture.sentence === i) ? sentence : '',
  );
  const document = lay(kept, pictures, () => drawOrder(context.draws, options));
  if (!crop) return document;
  const run = cropSequence(document, crop, context.draws);
  if (run.some(({ type }) => type === 'image')) return run;
  throw new RowError(`The part of the document that was cut out, ${crop.max} long, has no image.`);
}

/** Sentences between pictures are one text. */
function lay(
  sentences: readonly string[],
  pictures: readonly { readonly sentence: number; readonly image: RgbImage }[],
  order: () => PairOrder,
): Sequence<RgbImage> {
  const parts: Part<RgbImage>[] = [];
  let words: string[] = [];
  const flush = (image?: RgbImage) => {
    parts.push({ text: words.join(' '), image });
    words = [];
  };
  for (const [i, sentence] of sentences.entries()) {
    const here = pictures
      .filter((picture) => picture.sentence === i)
      .map(({ image }) => ({ image, order: order() }));
    for (const { image } of here.filter((one) => one.order === 'image-first')) flush(image);
    if (sentence !== '') words.push(sentence);
    for (const { image } of here.filter((one) => one.order === 'text-first')) flush(image);
  }
  if (words.length > 0) flush();
  return interleaved(parts, 'text-first');
}

function sentencesOf({ text_list: list }: Fields): string[] {
  if (Array.isArray(list) && list.every((one) => typeof one === 'string'))
    return list.map((one) => one.trim());
  throw new RowError(
    `Wanted a list of texts in 'text_list', got ${JSON.stringify(list)?.slice(0, 80) ?? 'nothing'}.`,
  );
}

function imagesOf({ image_info: list }: Fields, sentences: number): ImageInfo[] {
  if (!Array.isArray(list)) throw new RowError("Wanted a list of images in 'image_info'.");
  return list.map((one): ImageInfo => {
    const { image_name: name, matched_text_index: sentence, matched_sim: similarity } = fieldsOf(one);
    const ok = typeof name === 'string' && Number.isInteger(sentence) && typeof similarity === 'number';
    if (!ok) throw new RowError('An image lacks its image_name, matched_text_index or matched_sim.');
    if ((sentence as number) < 0 || (sentence as number) >= sentences) {
      throw new RowError(`${name} belongs to sentence ${sentence} of ${sentences}.`);
    }
    return { name, sentence: sentence as number, similarity };
  });
}
