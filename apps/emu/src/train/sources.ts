import { stat } from 'node:fs/promises';
import { EmuError } from '@emu-ts/base';
import type { RgbImage, Sequence } from '@emu-ts/contracts';
import {
  type DataSource,
  expandBraces,
  folderPairs,
  instructionData,
  jsonlLabels,
  jsonlPairs,
  type Labelled,
  mapSource,
  mixSources,
  mmc4Documents,
  parquetLabels,
  parquetPairs,
  type ReaderOptions,
  type ShapesSourceOptions,
  sequenceOf,
  shapesLabels,
  shapesSource,
  splitLabels,
  storyboards,
  webDataset,
  webVid,
  world,
} from '@emu-ts/data';
import { imagesOf } from '@emu-ts/sequence';
import { from } from './recipe.js';
import type { LabelData, LabelPart, SequenceData, SequencePart } from './recipe-data.js';
import { wordsOf } from './words.js';

export interface SourceContext {
  /** Where relative paths start. */
  readonly folder: string;
  readonly seed: number;
  /** Side of the pictures that the model takes, in pixels. */
  readonly imageSize: number;
}

interface LabelContext extends SourceContext {
  /** What pictures can be labelled with. */
  readonly tags: readonly string[];
}

type Sequences = DataSource<Sequence<RgbImage>>;
type Part = { readonly source: string; readonly weight?: number | undefined };
type Mixture<P> = {
  readonly source: 'mixture';
  readonly parts: Readonly<Record<string, P>>;
  readonly until?: 'all' | 'first' | undefined;
};

/**
 * Sequences by name. Every file and folder is looked for first.
 * @throws EmuError `FILE` for what is not there, `WORLD`
 */
export const openSequences = (recipe: SequenceData, context: SourceContext): Promise<Sequences> =>
  recipe.source === 'mixture' ? mixed(recipe, context, openSource) : openSource(recipe, context);

/** Labelled pictures by name, in the same way. */
export function openLabels(recipe: LabelData, context: LabelContext): Promise<DataSource<Labelled>> {
  const open = (part: LabelPart, own: SourceContext) => openLabelled(part, { ...own, tags: context.tags });
  return recipe.source === 'mixture' ? mixed(recipe, context, open) : open(recipe, context);
}

async function mixed<P extends Part, T>(
  { parts, until }: Mixture<P>,
  context: SourceContext,
  open: (part: P, context: SourceContext) => Promise<DataSource<T>>,
): Promise<DataSource<T>> {
  const opened: Record<string, { source: DataSource<T>; weight: number }> = {};
  for (const [i, [name, part]] of Object.entries(parts).entries())
    opened[name] = {
      source: await open(part, { ...context, seed: context.seed + 1 + i }),
      weight: part.weight ?? 1,
    };
  return mapSource(mixSources(opened, { seed: context.seed, until }), ({ value }) => value);
}

type ShapesPart = Extract<LabelPart, { source: 'shapes' }>;

function worldOf(part: ShapesPart, { seed, imageSize }: SourceContext): ShapesSourceOptions {
  const { split = 'train', tasks, objects, shapes, colours, sizes, style, count } = part;
  const options = { seed, split, objects, shapes, colours, sizes, style, count, size: imageSize };
  world(options); // says at once what does not go together
  return { ...options, tasks: tasks as ShapesSourceOptions['tasks'] };
}

/** What every reader of files takes. */
const reading = (
  part: { shuffle?: number | undefined; epochs?: number | undefined; maxBad?: number | undefined },
  { seed, imageSize }: SourceContext,
): ReaderOptions => {
  const { shuffle = 1000, epochs = Number.POSITIVE_INFINITY, maxBad } = part;
  return { seed, shuffle, epochs, maxBad, size: imageSize };
};

async function openSource(part: SequencePart, context: SourceContext): Promise<Sequences> {
  if (part.source === 'shapes')
    return mapSource(shapesSource(worldOf(part, context)), (sample) => sequenceOf(sample, part.form));
  const at = (place: string) => present(from(context.folder, place));
  const options = { ...reading(part, context), imageFirst: part.imageFirst };
  if (part.source === 'folder') return folderPairs(await at(part.folder), options);
  if (part.source === 'storyboards') {
    const { subtitles, maxFrames, minFrames } = part;
    const beside = subtitles === undefined ? {} : { subtitles: await at(subtitles) };
    return storyboards(await at(part.folder), { ...options, ...beside, maxFrames, minFrames });
  }
  const files = await filesOf(part.files, at);
  if (part.source === 'webdataset') return webDataset(files, options);
  const read = { ...options, ...(part.folder === undefined ? {} : { folder: await at(part.folder) }) };
  switch (part.source) {
    case 'jsonl':
      return jsonlPairs(files, { ...read, columns: part.columns });
    case 'parquet':
      return parquetPairs(files, { ...read, columns: part.columns });
    case 'mmc4': {
      const { minSimilarity, maxImages, choose } = part;
      return mmc4Documents(files, { ...read, minSimilarity, maxImages, choose });
    }
    case 'webvid':
      return webVid(files, { ...read, frames: part.frames });
    case 'instructions':
      return instructionData(files, read);
  }
}

async function openLabelled(part: LabelPart, context: LabelContext): Promise<DataSource<Labelled>> {
  if (part.source === 'shapes')
    return mapSource(shapesLabels(worldOf(part, context)), ({ labels, ...rest }) => ({
      ...rest,
      labels: labels.filter((label) => context.tags.includes(label)),
    }));
  if (part.source === 'folder' || part.source === 'webdataset')
    return mapSource(await openSource(part, context), (sequence) => ({
      image: imagesOf(sequence)[0],
      labels: splitLabels(wordsOf(sequence)),
    }));
  const at = (place: string) => present(from(context.folder, place));
  const files = await filesOf(part.files, at);
  const folder = part.folder === undefined ? {} : { folder: await at(part.folder) };
  const read = { ...reading(part, context), ...folder, columns: part.columns };
  return part.source === 'jsonl' ? jsonlLabels(files, read) : parquetLabels(files, read);
}

const filesOf = (names: readonly string[], at: (place: string) => Promise<string>): Promise<string[]> =>
  Promise.all(names.flatMap((name) => expandBraces(name)).map(at));

async function present(place: string): Promise<string> {
  if (await stat(place).catch(() => undefined)) return place;
  throw new EmuError('FILE', `The recipe names '${place}', which is not there.`, {
    hint: "Relative paths start from the recipe's folder.",
  });
}
