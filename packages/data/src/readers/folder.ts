import type { Sequence } from '@emu-ts/contracts';
import type { RgbImage } from '@emu-ts/media';
import { pair } from '@emu-ts/sequence';
import { fileError, readText } from '../files/data-file.js';
import { objectOf, textField } from '../files/lines.js';
import { RowError } from '../stream/bad-rows.js';
import { type Shard, shardedSource } from '../stream/sharded.js';
import type { DataSource } from '../stream/source.js';
import { drawOrder, inside, type ReaderOptions, readImage } from './options.js';

export const imageEndings = ['jpg', 'jpeg', 'png', 'webp', 'gif', 'avif'] as const;

export const isImageEnding = (ending: string): boolean =>
  (imageEndings as readonly string[]).includes(ending.toLowerCase());

interface Found {
  readonly image: string;
  /** The file of its caption. */
  readonly text: string | undefined;
}

/**
 * Image–text pairs from a folder and those below it: `cat.jpg` beside `cat.txt`, or `cat.json` with a field `caption` or
 * `text`. Node only.
 */
export const folderPairs = (folder: string, options: ReaderOptions = {}): DataSource<Sequence<RgbImage>> =>
  shardedSource<Found, Sequence<RgbImage>>(
    async (signal) => [folderShard(folder, await listFolder(folder, signal))],
    async ({ image, text }, context) => {
      if (text === undefined)
        throw new RowError(`There is no caption: wanted a .txt or .json beside ${image}.`);
      const content = await readText(inside(folder, text), context.signal);
      const words = text.endsWith('.json') ? captionOf(content) : content.trim();
      if (words === '') throw new RowError(`The caption in ${text} is empty.`);
      return pair(await readImage(image, folder, context, options), words, drawOrder(context.draws, options));
    },
    options,
  );

function captionOf(json: string): string {
  const fields = objectOf(json);
  return textField(fields, 'caption' in fields ? 'caption' : 'text').trim();
}

function folderShard(folder: string, names: readonly string[]): Shard<Found> {
  const known = new Set(names);
  const images = names.filter((name) => isImageEnding(name.slice(name.lastIndexOf('.') + 1)));
  return {
    name: folder,
    async *rows(from) {
      for (const [row, image] of images.entries()) {
        if (row < from) continue;
        const stem = image.slice(0, image.lastIndexOf('.'));
        const text = [`${stem}.txt`, `${stem}.json`].find((name) => known.has(name));
        yield { value: { image, text }, place: { file: folder, row, key: image } };
      }
    },
  };
}

/** Paths of the files below a folder, sorted by code point so that every machine has the same order. */
export async function listFolder(folder: string, signal: AbortSignal): Promise<string[]> {
  const { readdir } = await import('node:fs/promises');
  const names: string[] = [];
  const pending = [''];
  for (let at = 0; at < pending.length; at++) {
    signal.throwIfAborted();
    const below = pending[at];
    const entries = await readdir(`${folder}/${below}`, { withFileTypes: true }).catch((cause) => {
      throw fileError(folder, cause);
    });
    for (const entry of entries) {
      if (entry.isDirectory()) pending.push(`${below}${entry.name}/`);
      else if (entry.isFile()) names.push(`${below}${entry.name}`);
    }
  }
  return names.sort((a, b) => (a < b ? -1 : 1));
}
