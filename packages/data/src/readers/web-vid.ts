import type { Sequence } from '@emu-ts/contracts';
import { openVideo, type RgbImage, resize } from '@emu-ts/media';
import { frameIndices, text, video } from '@emu-ts/sequence';
import type { Draws } from '../draws.js';
import { type CsvRow, cellsOf, csvRows } from '../files/csv.js';
import type { FileSource } from '../files/data-file.js';
import { textField } from '../files/lines.js';
import { type RowContext, shardedSource } from '../stream/sharded.js';
import type { DataSource } from '../stream/source.js';
import { drawOrder, folderOf, inside, type ReaderOptions } from './options.js';
import { shardOf } from './pairs.js';

export type WebVidRow = Readonly<Record<string, string>>;

export interface VideoTextOptions extends Omit<ReaderOptions, 'loadImage'> {
  /** Frames of each video; 8 by default. */
  readonly frames?: number | undefined;
  /** `random`: any frames, in order (as in training, the default); `even`: one from the middle of equal parts. */
  readonly choose?: 'random' | 'even' | undefined;
  /** The file of a row below the folder; `{page_dir}/{videoid}.mp4` by default. */
  readonly fileOf?: ((row: WebVidRow) => string) | undefined;
  /** Mends a caption, such as by removing camera data; an empty one leaves the video without words. */
  readonly caption?: ((text: string, row: WebVidRow) => string) | undefined;
  /** Reads frames instead of `openVideo`: it is given the file and chooses by the frame count. */
  readonly loadFrames?:
    | ((
        file: string,
        choose: (count: number) => readonly number[],
        context: RowContext,
      ) => Promise<readonly RgbImage[]>)
    | undefined;
}

/** Video–text pairs from WebVid's CSV (`videoid, contentUrl, duration, page_dir, name`) and local video files. Node only. */
export const webVid = (
  files: readonly FileSource[],
  options: VideoTextOptions = {},
): DataSource<Sequence<RgbImage>> =>
  shardedSource(
    () => files.map((source) => shardOf(source, csvRows)),
    (row: CsvRow, context) => videoOf(cellsOf(row), context, options),
    options,
  );

async function videoOf(
  row: WebVidRow,
  context: RowContext,
  options: VideoTextOptions,
): Promise<Sequence<RgbImage>> {
  const {
    frames = 8,
    choose = 'random',
    fileOf = fileOfRow,
    folder,
    loadFrames = readFrames,
    size,
  } = options;
  const caption = textField(row, 'name').trim();
  const words = options.caption ? options.caption(caption, row) : caption;
  const path = inside(folder ?? folderOf(context.place.file), fileOf(row));
  const pick = (count: number) =>
    choose === 'even' ? frameIndices(count, frames) : randomFrames(context.draws, count, frames);
  const images = await loadFrames(path, pick, context);
  const shown = video(
    size === undefined ? images : images.map((one) => resize(one, { width: size, height: size })),
  );
  if (words === '') return [shown];
  return drawOrder(context.draws, options) === 'image-first' ? [shown, text(words)] : [text(words), shown];
}

const fileOfRow = (row: WebVidRow): string => {
  const name = `${textField(row, 'videoid')}.mp4`;
  return row.page_dir ? `${row.page_dir}/${name}` : name;
};

/** Frames of a video file or its bytes, chosen by their count. @throws MediaError */
export async function readFrames(
  source: string | Uint8Array,
  choose: (count: number) => readonly number[],
  { signal }: Pick<RowContext, 'signal'>,
): Promise<readonly RgbImage[]> {
  const opened = await openVideo(source, { signal });
  try {
    return await opened.frames(choose(opened.frameCount), { signal });
  } finally {
    await opened.close();
  }
}

/** Random frames in their order; one may come twice. */
export const randomFrames = (draws: Draws, count: number, frames: number): number[] =>
  Array.from({ length: frames }, () => draws.int(count)).sort((a, b) => a - b);
