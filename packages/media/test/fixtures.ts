import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RgbImage, rgbImage } from '../src/rgb-image.js';

const root = fileURLToPath(new URL('../fixtures/', import.meta.url));

export const picture = (name: string): string => path.join(root, 'pictures', name);
export const video = (name: string): string => path.join(root, 'videos', name);
export const bytesOf = (file: string): Uint8Array => new Uint8Array(readFileSync(file));

const json = <T>(name: string): T => JSON.parse(readFileSync(picture(name), 'utf8')) as T;

/** Row-major RGB in base64, as the generator writes it. */
export const pixels = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/** What Pillow reads from each picture. */
export const pillow =
  json<Record<string, { mode: string; width: number; height: number; rgb: string }>>('pictures.json');

/** Every frame of each animation composited on white. */
export const animations =
  json<Record<string, { width: number; height: number; onWhite: string[] }>>('animations.json');

/** Pillow's resize of one noise picture. */
export const resizes = json<{
  width: number;
  height: number;
  rgb: string;
  cases: { filter: string; width: number; height: number; rgb: string }[];
}>('resize.json');

/** A picture whose samples are a hash of their index: no symmetry to hide a mistake behind. */
export function hashImage(width: number, height: number, seed = 1): RgbImage {
  const image = rgbImage(width, height);
  for (let i = 0; i < image.data.length; i++) image.data[i] = Math.imul(i + 1, 2654435761 * seed) >>> 23;
  return image;
}

/** Aborts after `turns` turns of the event loop. */
export function abortAfter(turns: number): AbortSignal {
  const controller = new AbortController();
  const turn = (left: number) => (left <= 0 ? controller.abort() : setImmediate(turn, left - 1));
  turn(turns);
  return controller.signal;
}

/** Names of the errors' codes, or what was thrown instead. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'no error';
  } catch (error) {
    const { code, name, message } = error as Error & { code?: unknown };
    return typeof code === 'string' ? code : `${name}: ${message}`;
  }
}
