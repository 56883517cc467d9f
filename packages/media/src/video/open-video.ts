import type { CallOptions } from '@emu-ts/base';
import { abortable } from '../abort.js';
import { checkLimit, DEFAULT_MAX_BYTES, type DecodeOptions } from '../decode.js';
import { badArgument, MediaError, quote } from '../error.js';
import { needNode } from '../runtime.js';
import { SNIFF_BYTES, sniff, type VideoFormat } from '../sniff.js';
import { fileError, load, type MediaInput, notAFile, pathOf } from '../source.js';
import { animationSource } from './animation.js';
import { ffmpegSource, type Programs } from './ffmpeg.js';
import { folderSource } from './folder.js';
import { writeTemp } from './temp-file.js';
import { DEFAULT_MAX_VIDEO_PIXELS, type FrameSource, makeVideo, type Video } from './video.js';

export interface VideoOptions extends CallOptions, Pick<DecodeOptions, 'maxBytes' | 'background' | 'codec'> {
  /** Largest width × height × frames of one `frames` call; 2^30 / 3 (1 GiB of RGB) by default. */
  readonly maxPixels?: number | undefined;
  /** Use a damaged or truncated video as far as it decodes, instead of throwing `CORRUPT_VIDEO`. */
  readonly allowDamaged?: boolean | undefined;
  /** The programs that read video files, by default from PATH. */
  readonly programs?: Programs | undefined;
}

const WANTED = 'a video (MP4, WebM …), an animated GIF or WebP, or a folder of pictures';

/**
 * Opens a video file (Node with ffmpeg on PATH), an animated GIF or WebP, or a folder of frames in natural order.
 * Bytes and Blobs of a video are copied to a temporary file until `close`.
 * @throws MediaError `FFMPEG_MISSING`, `NOT_A_VIDEO`, `CORRUPT_VIDEO`, `EMPTY`, `VIDEO_TOO_LARGE`, `FILE`, and for
 * animations and folders what `decodeImage` throws.
 */
export async function openVideo(source: MediaInput, options: VideoOptions = {}): Promise<Video> {
  const { signal, maxPixels = DEFAULT_MAX_VIDEO_PIXELS } = options;
  signal?.throwIfAborted();
  checkLimit(maxPixels);
  return makeVideo(await openSource(source, options, maxPixels), maxPixels);
}

async function openSource(
  source: MediaInput,
  options: VideoOptions,
  maxPixels: number,
): Promise<FrameSource> {
  const { signal, background, codec, maxBytes = DEFAULT_MAX_BYTES } = options;
  const path = await pathOf(source);
  signal?.throwIfAborted();
  const head =
    path === undefined
      ? await headOf(source as Blob | Uint8Array | ArrayBuffer, signal)
      : await headOfFile(path, signal);
  const pictures = { signal, background, codec, maxBytes, maxPixels };
  if (head === 'folder') return folderSource(path as string, pictures);
  const label = path === undefined ? 'The video' : quote(path);
  if (head.length === 0) throw new MediaError('EMPTY', `${label} is empty (0 bytes), wanted ${WANTED}.`);
  const found = sniff(head);
  if (found.kind === 'video') return openFile(source, path, label, found.format, options, maxPixels);
  if (found.kind === 'image' && (found.format === 'gif' || found.format === 'webp')) {
    return animationSource(await load(source, { signal, maxBytes }), pictures);
  }
  const what =
    found.kind === 'other'
      ? `is not a video: it holds ${found.description}`
      : `is a still picture (${found.kind === 'image' ? found.format : found.name})`;
  throw new MediaError('NOT_A_VIDEO', `${label} ${what}, wanted ${WANTED}.`);
}

async function openFile(
  source: MediaInput,
  path: string | undefined,
  label: string,
  format: VideoFormat,
  options: VideoOptions,
  maxPixels: number,
): Promise<FrameSource> {
  needNode('Reading a video file', 'Decode its frames elsewhere, or use an animated GIF or WebP.');
  const { signal, allowDamaged = false, programs = {} } = options;
  const { resolve } = await import('node:path');
  signal?.throwIfAborted();
  const temp = path === undefined ? await writeTemp(asBytes(source), signal) : undefined;
  const close = async () => temp?.remove();
  try {
    const file = resolve(temp?.path ?? (path as string));
    return await ffmpegSource(
      { path: file, label, format, maxPixels, allowDamaged, programs },
      close,
      options,
    );
  } catch (cause) {
    await close();
    throw cause;
  }
}

const asBytes = (source: MediaInput): Uint8Array | Blob =>
  source instanceof ArrayBuffer ? new Uint8Array(source) : (source as Uint8Array | Blob);

async function headOf(source: Blob | Uint8Array | ArrayBuffer, signal?: AbortSignal): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source.subarray(0, SNIFF_BYTES);
  if (source instanceof ArrayBuffer)
    return new Uint8Array(source, 0, Math.min(SNIFF_BYTES, source.byteLength));
  if (!(source instanceof Blob)) {
    throw badArgument(`Got ${typeof source} as a source, wanted a path, a file: URL, bytes or a Blob.`);
  }
  return new Uint8Array(await abortable(source.slice(0, SNIFF_BYTES).arrayBuffer(), signal));
}

async function headOfFile(path: string, signal?: AbortSignal): Promise<Uint8Array | 'folder'> {
  needNode('Reading a file by its path', 'Pass a Blob or bytes.');
  const { open, stat } = await import('node:fs/promises');
  signal?.throwIfAborted();
  const read = async () => {
    const info = await stat(path);
    if (info.isDirectory()) return 'folder';
    if (!info.isFile()) throw notAFile(path);
    const handle = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  };
  const head = await read().catch((cause) => {
    throw cause instanceof MediaError ? cause : fileError('read', path, cause);
  });
  signal?.throwIfAborted();
  return head;
}
