import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { EmuError } from '@emu-ts/base';
import type { EmuItem } from '../items.js';

const images = new Set(['.png', '.jpg', '.jpeg', '.webp', '.gif', '.avif']);
const videos = new Set(['.mp4', '.webm', '.mov', '.mkv', '.avi', '.m4v']);

/**
 * The words of a command line as items: existing files are pictures or videos, folders are videos as frames, all else is
 * text. A missing file is not silently read as text; `text:` in front says that it is meant.
 */
export const parseItems = (words: readonly string[]): EmuItem[] => words.map(parseItem);

function parseItem(word: string): EmuItem {
  if (word.startsWith('text:')) return word.slice('text:'.length);
  if (word.startsWith('video:')) return { video: needFile(word.slice('video:'.length)) };
  if (word.startsWith('image:')) return { image: needFile(word.slice('image:'.length)) };
  const extension = path.extname(word).toLowerCase();
  if (existsSync(word)) {
    if (statSync(word).isDirectory() || videos.has(extension)) return { video: word };
    return { image: word };
  }
  if (images.has(extension) || videos.has(extension)) needFile(word);
  return word;
}

function needFile(file: string): string {
  if (existsSync(file)) return file;
  throw new EmuError('FILE', `There is no file '${file}'.`, {
    hint: `Write 'text:${file}' if it is meant as text.`,
  });
}
