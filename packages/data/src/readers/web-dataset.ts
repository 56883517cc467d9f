import type { Sequence } from '@emu-ts/contracts';
import { type RgbImage, resize } from '@emu-ts/media';
import { interleaved, type Part, pair, text as textElement, video } from '@emu-ts/sequence';
import type { FileSource } from '../files/data-file.js';
import { objectOf, textField, textOf } from '../files/lines.js';
import { type TarSample, tarSamples } from '../files/tar.js';
import { RowError } from '../stream/bad-rows.js';
import { type RowContext, shardedSource } from '../stream/sharded.js';
import type { DataSource } from '../stream/source.js';
import { isImageEnding } from './folder.js';
import { drawOrder, type ReaderOptions, readImage } from './options.js';
import { shardOf } from './pairs.js';
import { randomFrames, readFrames } from './web-vid.js';

/**
 * WebDataset shards. A sample is the members of one key, its folder and name up to the first dot, and is either a pair
 * (`cat.jpg` with `cat.txt` or a `caption` in `cat.json`), a video of 8 random frames with its caption (`cat.mp4`; Node with
 * ffmpeg), or a storyboard (`vid.0.txt`, `vid.0.png`, `vid.1.txt` …: each
 * text stands before the picture of its number, `vid.final_meta.json` is not read).
 */
export const webDataset = (
  files: readonly FileSource[],
  options: ReaderOptions = {},
): DataSource<Sequence<RgbImage>> =>
  shardedSource(
    () => files.map((source) => shardOf(source, tarSamples)),
    (sample: TarSample, context) => {
      if (sample.twice.length > 0) throw new RowError(`The sample has two members .${sample.twice[0]}.`);
      const isStoryboard = [...sample.files.keys()].some((ending) => numbered.test(ending));
      return isStoryboard ? storyboardOf(sample, context, options) : pairOf(sample, context, options);
    },
    options,
  );

const numbered = /^(\d+)\.([a-z]+)$/i;

async function pairOf(
  { files }: TarSample,
  context: RowContext,
  options: ReaderOptions,
): Promise<Sequence<RgbImage>> {
  const image = [...files].find(([ending]) => isImageEnding(ending))?.[1];
  const film = [...files].find(([ending]) => videoEndings.includes(ending.toLowerCase()))?.[1];
  const has = `the sample has ${[...files.keys()].map((ending) => `.${ending}`).join(', ')}`;
  if (!image && !film) throw new RowError(`There is no image: ${has}.`);
  const text = files.get('txt');
  const json = files.get('json');
  if (!text && !json) throw new RowError(`There is no caption: ${has}.`);
  const words = text ? textOf(text).trim() : textField(objectOf(json as Uint8Array), 'caption').trim();
  if (words === '') throw new RowError('The caption is empty.');
  const order = drawOrder(context.draws, options);
  if (image) return pair(await readImage(image, '', context, options), words, order);
  const found = await readFrames(
    film as Uint8Array,
    (count) => randomFrames(context.draws, count, 8),
    context,
  );
  const { size } = options;
  const shown = video(
    size === undefined ? found : found.map((one) => resize(one, { width: size, height: size })),
  );
  return order === 'image-first' ? [shown, textElement(words)] : [textElement(words), shown];
}

const videoEndings: readonly string[] = ['mp4', 'webm', 'mkv', 'mov', 'avi'];

async function storyboardOf(
  { files }: TarSample,
  context: RowContext,
  options: ReaderOptions,
): Promise<Sequence<RgbImage>> {
  const parts: Part<RgbImage>[] = [];
  for (const [ending, bytes] of files) {
    const [, number, kind] = numbered.exec(ending) ?? [];
    if (number === undefined) continue;
    const at = Number(number);
    if (at > files.size)
      throw new RowError(`Part ${at} is numbered beyond the ${files.size} members of the sample.`);
    if (kind === 'txt') parts[at] = { ...parts[at], text: textOf(bytes).trim() };
    else if (isImageEnding(kind))
      parts[at] = { ...parts[at], image: await readImage(bytes, '', context, options) };
  }
  const missing = Array.from<Part<RgbImage> | undefined>(parts).indexOf(undefined);
  if (missing >= 0) throw new RowError(`The storyboard has no part ${missing}, but later ones.`);
  return interleaved(parts, () => drawOrder(context.draws, options));
}

/** The names that braces stand for: `{00000..00003}.tar` is four shards, `{train,test}.tar` two. */
export function expandBraces(pattern: string): string[] {
  const found = /^(.*?)\{([^{}]*)\}(.*)$/s.exec(pattern);
  if (!found) return [pattern];
  const [, before, content, after] = found;
  const range = /^(\d+)\.\.(\d+)$/.exec(content);
  if (!range) return content.split(',').flatMap((one) => expandBraces(`${before}${one}${after}`));
  const [from, to] = [Number(range[1]), Number(range[2])];
  const width = range[1].startsWith('0') ? range[1].length : 0;
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) =>
    String(from + i).padStart(width, '0'),
  ).flatMap((one) => expandBraces(`${before}${one}${after}`));
}
