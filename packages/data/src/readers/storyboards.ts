import type { Sequence } from '@emu-ts/contracts';
import type { RgbImage } from '@emu-ts/media';
import { frameIndices, interleaved } from '@emu-ts/sequence';
import { readText } from '../files/data-file.js';
import { type Fields, fieldsOf, objectOf } from '../files/lines.js';
import { RowError } from '../stream/bad-rows.js';
import { type RowContext, type Shard, shardedSource } from '../stream/sharded.js';
import type { DataSource } from '../stream/source.js';
import { evenFrames, mergeTimeline, type Subtitle } from '../timeline/merge.js';
import { cutSheet, type Sheet } from '../timeline/sheet.js';
import { parseSubtitles, type SubtitleFormat } from '../timeline/subtitles.js';
import { isImageEnding, listFolder } from './folder.js';
import { drawOrder, inside, type ReaderOptions, readImage } from './options.js';

export interface StoryboardOptions extends ReaderOptions {
  /** Folder of the subtitles, `{id}.srt`, `.vtt` or `.json`; the folder of the storyboards by default. */
  readonly subtitles?: string | undefined;
  /** Most frames of a sample, evenly chosen; all by default. */
  readonly maxFrames?: number | undefined;
  /** Storyboards of fewer frames are left out and counted; 1 by default. */
  readonly minFrames?: number | undefined;
}

/** The files of one video. */
interface Found {
  readonly key: string;
  /** Pages by number. */
  readonly pages: ReadonlyMap<number, string>;
}

/**
 * Storyboards as a video downloader leaves them: `{key}.json` (with `sb`, one `[width, height, columns, rows, frames, …]`
 * per page, also under `yt_meta_dict`, the `duration` in seconds and the `url`), pages `{key}_{i}.webp` (or any picture),
 * and subtitles `{id}.srt`, `.vtt` or `.json` by the video's id or key (`{key}.subtitles.json` beside the description). Frames and subtitles are merged by time, frame i
 * at i × duration ÷ frames. Node only.
 */
export const storyboards = (
  folder: string,
  options: StoryboardOptions = {},
): DataSource<Sequence<RgbImage>> =>
  shardedSource<Found, Sequence<RgbImage>>(
    async (signal) => [storyboardShard(folder, await listFolder(folder, signal))],
    (found, context) => storyboardOf(found, folder, context, options),
    options,
  );

const pageName = /^(.*)_(\d+)\.([^.]+)$/;

/** A video is what has pages: other files of the folder, whatever their names, are none. */
function storyboardShard(folder: string, names: readonly string[]): Shard<Found> {
  const pages = new Map<string, Map<number, string>>();
  for (const name of names) {
    const [, key, number, ending] = pageName.exec(name) ?? [];
    if (key === undefined || !isImageEnding(ending)) continue;
    pages.set(key, (pages.get(key) ?? new Map()).set(Number(number), name));
  }
  const keys = [...pages.keys()].sort((a, b) => (a < b ? -1 : 1));
  return {
    name: folder,
    async *rows(from) {
      for (const [row, key] of keys.entries()) {
        if (row < from) continue;
        yield {
          value: { key, pages: pages.get(key) as Map<number, string> },
          place: { file: folder, row, key },
        };
      }
    },
  };
}

async function storyboardOf(
  { key, pages }: Found,
  folder: string,
  context: RowContext,
  options: StoryboardOptions,
): Promise<Sequence<RgbImage>> {
  const { subtitles = folder, maxFrames = Number.POSITIVE_INFINITY, minFrames = 1 } = options;
  const meta = objectOf(await readText(inside(folder, `${key}.json`), context.signal));
  const sheets = sheetsOf(meta);
  const missing = sheets.findIndex((_, i) => !pages.has(i));
  if (missing >= 0) throw new RowError(`Page ${missing} of ${sheets.length} is missing.`);
  const count = sheets.reduce((sum, { frames }) => sum + frames, 0);
  if (count < Math.max(1, minFrames))
    throw new RowError(`The storyboard has ${count} frames, wanted at least ${minFrames}.`);
  const duration = durationOf(meta);
  const spoken = await subtitlesOf(
    subtitles,
    [idOf(meta), key],
    subtitles === folder ? key : undefined,
    context,
  );
  const kept = new Set(
    count > maxFrames ? frameIndices(count, maxFrames) : Array.from({ length: count }, (_, i) => i),
  );

  const frames: RgbImage[] = [];
  let first = 0;
  for (const [i, sheet] of sheets.entries()) {
    const wanted = Array.from({ length: sheet.frames }, (_, k) => first + k).some((k) => kept.has(k));
    // A page whose frames are not wanted is not decoded, but its frames count.
    if (wanted) {
      const page = await readImage(pages.get(i) as string, folder, context, { ...options, size: undefined });
      frames.push(...cutSheet(page, sheet));
    } else frames.length += sheet.frames;
    first += sheet.frames;
  }
  const timed = evenFrames(frames, duration / count).filter((_, i) => kept.has(i));
  const parts = mergeTimeline(timed, spoken);
  const sized = await Promise.all(
    parts.map(async (part) =>
      part.image ? { ...part, image: await sizedImage(part.image, context, options) } : part,
    ),
  );
  return interleaved(sized, () => drawOrder(context.draws, options));
}

const sizedImage = (image: RgbImage, context: RowContext, { size }: ReaderOptions): Promise<RgbImage> =>
  readImage('', '', context, { size, loadImage: async () => image });

function sheetsOf(meta: Fields): Sheet[] {
  const nested = meta.yt_meta_dict;
  const list = meta.sb ?? (nested === undefined || nested === null ? undefined : fieldsOf(nested).sb);
  if (!Array.isArray(list) || list.length === 0)
    throw new RowError("Wanted a list of pages in 'sb', got nothing of the kind.");
  return list.map((page: unknown, i): Sheet => {
    const [, , columns, rows, frames] = Array.isArray(page) ? (page as unknown[]) : [];
    const whole = [columns, rows, frames].every((n) => Number.isSafeInteger(n) && (n as number) > 0);
    if (!whole)
      throw new RowError(
        `Page ${i} is ${JSON.stringify(page)}, wanted [width, height, columns, rows, frames].`,
      );
    if ((frames as number) > (columns as number) * (rows as number)) {
      throw new RowError(`Page ${i} claims ${frames} frames in ${columns} × ${rows} places.`);
    }
    return { columns: columns as number, rows: rows as number, frames: frames as number };
  });
}

function durationOf(meta: Fields): number {
  const nested = (meta.yt_meta_dict ?? {}) as { duration?: unknown; info?: { duration?: unknown } };
  const duration = meta.duration ?? nested.duration ?? nested.info?.duration;
  if (typeof duration === 'number' && duration > 0 && Number.isFinite(duration)) return duration;
  throw new RowError(`Wanted the 'duration' in seconds, got ${JSON.stringify(duration) ?? 'nothing'}.`);
}

/** The id in a watch address, such as `https://www.youtube.com/watch?v=ID&t=3`. */
function idOf({ id, url }: Fields): string | undefined {
  if (typeof id === 'string') return id;
  return typeof url === 'string'
    ? (/(?:[?&]v=|youtu\.be\/|\/shorts\/)([\w-]+)/.exec(url)?.[1] ?? undefined)
    : undefined;
}

/** @param described the key whose `.json` is the description of the video, not its subtitles. */
async function subtitlesOf(
  folder: string,
  ids: readonly (string | undefined)[],
  described: string | undefined,
  { signal }: RowContext,
): Promise<Subtitle[]> {
  const { stat } = await import('node:fs/promises');
  const names = ids.filter((id): id is string => id !== undefined && id !== '');
  const formats: readonly SubtitleFormat[] = ['srt', 'vtt', 'json'];
  for (const id of names) {
    for (const format of formats) {
      const ending = format === 'json' && id === described ? 'subtitles.json' : format;
      const path = inside(folder, `${id}.${ending}`);
      const isThere = await stat(path).then(
        (found) => found.isFile(),
        () => false,
      );
      if (isThere) return parseSubtitles(await readText(path, signal), format);
    }
  }
  throw new RowError(`There are no subtitles: wanted ${names[0]}.srt, .vtt or .json in ${folder}.`);
}
