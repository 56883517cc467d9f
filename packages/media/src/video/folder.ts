import { type DecodeOptions, decodeImage } from '../decode.js';
import { MediaError, quote } from '../error.js';
import { fileError } from '../source.js';
import type { FrameSource } from './video.js';

const PICTURE = /\.(png|jpe?g|webp|gif|avif)$/i;

/** `frame2` before `frame10`, whatever the locale of the machine. */
const natural = new Intl.Collator('en', { numeric: true });

/** A folder of pictures in natural order of their names; hidden files and other kinds are passed over. */
export async function folderSource(path: string, options: DecodeOptions): Promise<FrameSource> {
  const { readdir } = await import('node:fs/promises');
  const { join } = await import('node:path');
  const { signal } = options;
  signal?.throwIfAborted();
  const entries = await readdir(path, { withFileTypes: true }).catch((cause) => {
    throw fileError('read', path, cause);
  });
  signal?.throwIfAborted();
  const files = entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.') && PICTURE.test(entry.name))
    .map((entry) => entry.name)
    .sort((a, b) => natural.compare(a, b) || (a < b ? -1 : 1))
    .map((name) => join(path, name));
  if (files.length === 0) {
    throw new MediaError(
      'EMPTY',
      `The folder ${quote(path)} holds ${entries.length} entries but no PNG, JPEG, WebP, GIF or AVIF file.`,
    );
  }
  const { width, height } = await decodeImage(files[0], options);
  return {
    label: quote(path),
    frameCount: files.length,
    width,
    height,
    async read(indices, onFrame, signal) {
      for (const index of indices) onFrame(await decodeImage(files[index], { ...options, signal }));
    },
    close: async () => {},
  };
}
