import { stat } from 'node:fs/promises';
import { EmuError } from '@emu-ts/base';
import type { RgbImage, Sequence } from '@emu-ts/contracts';
import {
  type DataSource,
  expandBraces,
  folderPairs,
  instructionData,
  jsonlPairs,
  mapSource,
  mixSources,
  mmc4Documents,
  parquetPairs,
  type ReaderOptions,
  type ShapesOptions,
  sequenceOf,
  shapesSource,
  storyboards,
  webDataset,
  webVid,
} from '@emu-ts/data';
import { type DataRecipe, from, type SourceRecipe } from './recipe.js';

export interface SourceContext {
  /** Where relative paths start. */
  readonly folder: string;
  readonly seed: number;
  /** Side of the pictures that the model takes, in pixels. */
  readonly imageSize: number;
}

/**
 * Data by name. Every file and folder is looked for first.
 * @throws EmuError `FILE` for what is not there
 */
export async function openData(
  recipe: DataRecipe,
  context: SourceContext,
): Promise<DataSource<Sequence<RgbImage>>> {
  if (recipe.source !== 'mixture') return openSource(recipe, context);
  const parts: Record<string, { source: DataSource<Sequence<RgbImage>>; weight: number }> = {};
  for (const [i, [name, part]] of Object.entries(recipe.parts).entries())
    parts[name] = {
      source: await openSource(part, { ...context, seed: context.seed + 1 + i }),
      weight: part.weight ?? 1,
    };
  return mapSource(mixSources(parts, { seed: context.seed, until: recipe.until }), ({ value }) => value);
}

async function openSource(
  recipe: SourceRecipe,
  context: SourceContext,
): Promise<DataSource<Sequence<RgbImage>>> {
  const { seed, imageSize } = context;
  if (recipe.source === 'shapes') {
    const { form, split = 'train', tasks, objects, count } = recipe;
    const world = { seed, split, objects, tasks: tasks as ShapesOptions['tasks'], count, size: imageSize };
    return mapSource(shapesSource(world), (sample) => sequenceOf(sample, form));
  }
  const { shuffle = 1000, epochs = Number.POSITIVE_INFINITY, maxBad, imageFirst } = recipe;
  const at = async (place: string) => present(from(context.folder, place));
  const options: ReaderOptions = { seed, shuffle, epochs, maxBad, imageFirst, size: imageSize };
  if (recipe.source === 'folder') return folderPairs(await at(recipe.folder), options);
  if (recipe.source === 'storyboards') {
    const { subtitles, maxFrames, minFrames } = recipe;
    const beside = subtitles === undefined ? {} : { subtitles: await at(subtitles) };
    return storyboards(await at(recipe.folder), { ...options, ...beside, maxFrames, minFrames });
  }
  const files = await Promise.all(recipe.files.flatMap((name) => expandBraces(name)).map(at));
  if (recipe.source === 'webdataset') return webDataset(files, options);
  const folder = recipe.folder === undefined ? {} : { folder: await at(recipe.folder) };
  const read = { ...options, ...folder };
  switch (recipe.source) {
    case 'jsonl':
      return jsonlPairs(files, { ...read, columns: recipe.columns });
    case 'parquet':
      return parquetPairs(files, { ...read, columns: recipe.columns });
    case 'mmc4': {
      const { minSimilarity, maxImages, choose } = recipe;
      return mmc4Documents(files, { ...read, minSimilarity, maxImages, choose });
    }
    case 'webvid':
      return webVid(files, { ...read, frames: recipe.frames });
    case 'instructions':
      return instructionData(files, read);
  }
}

async function present(place: string): Promise<string> {
  if (await stat(place).catch(() => undefined)) return place;
  throw new EmuError('FILE', `The recipe names '${place}', which is not there.`, {
    hint: "Relative paths start from the recipe's folder.",
  });
}
