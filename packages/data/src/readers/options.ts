import { decodeImage, type RgbImage, resize } from '@emu-ts/media';
import type { PairOrder } from '@emu-ts/sequence';
import type { Draws } from '../draws.js';
import { RowError } from '../stream/bad-rows.js';
import type { RowContext, StreamOptions } from '../stream/sharded.js';

/** What stands for a picture in a row: a path below the reader's folder, a data URL, or the file's bytes. */
export type ImageRef = string | Uint8Array;

export interface ReaderOptions extends StreamOptions {
  /** The folder that paths in rows start from; that of the file they stand in by default. */
  readonly folder?: string | undefined;
  /** Side in pixels to which every picture is resized (bicubic, aspect ratio not kept); as it is by default. */
  readonly size?: number | undefined;
  /** How often an image comes before its text, 0..1; 0.5 by default, drawn for each image. */
  readonly imageFirst?: number | undefined;
  /** Loads a picture instead of `decodeImage`, such as from an archive or a server. */
  readonly loadImage?: ((ref: ImageRef, context: RowContext) => Promise<RgbImage>) | undefined;
}

/** The picture of a row, resized as the options ask. @throws RowError, MediaError */
export async function readImage(
  ref: ImageRef,
  base: string,
  context: RowContext,
  options: ReaderOptions,
): Promise<RgbImage> {
  const { size, loadImage } = options;
  const image = loadImage
    ? await loadImage(ref, context)
    : await decode(ref, options.folder ?? base, context);
  return size === undefined ? image : resize(image, { width: size, height: size });
}

async function decode(ref: ImageRef, folder: string, { signal }: RowContext): Promise<RgbImage> {
  if (typeof ref !== 'string') return decodeImage(ref, { signal });
  const data = /^data:[^,]*?(;base64)?,(.*)$/s.exec(ref);
  if (!data) return decodeImage(inside(folder, ref), { signal });
  if (!data[1]) throw new RowError('A picture in a data URL has to be base64.');
  try {
    return await decodeImage(
      Uint8Array.from(atob(data[2]), (char) => char.charCodeAt(0)),
      { signal },
    );
  } catch (cause) {
    if (cause instanceof DOMException && !signal.aborted)
      throw new RowError('The data URL is not base64.', { cause });
    throw cause;
  }
}

/**
 * A path below a folder. Rows come from strangers: they may not name files elsewhere.
 * @throws RowError for an absolute path, an address, or one that leaves the folder.
 */
export function inside(folder: string, path: string): string {
  const parts = path.replace(/^file:\/\//, '/').split(/[\\/]/);
  if (parts[0] === '' || /^[a-z][a-z0-9+.-]*:/i.test(path) || parts.includes('..')) {
    throw new RowError(`Got the path ${JSON.stringify(path)}, wanted one below ${JSON.stringify(folder)}.`);
  }
  return folder === '' ? path : `${folder.replace(/[\\/]+$/, '')}/${path}`;
}

/** The folder of a path. */
export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.search(/[\\/][^\\/]*$/)));

/** The order of an image and its text. */
export const drawOrder = (draws: Draws, { imageFirst = 0.5 }: ReaderOptions): PairOrder =>
  draws.chance(imageFirst) ? 'image-first' : 'text-first';
