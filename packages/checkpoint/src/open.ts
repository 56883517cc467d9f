import type { CallOptions } from '@emu-ts/base';
import type { Checkpoint } from './checkpoint.js';
import { CheckpointError, quote } from './error.js';
import { openSafetensors } from './safetensors/read.js';
import { INDEX_SUFFIX, openSharded } from './sharded.js';
import { type ByteSource, readExactly } from './source/byte-source.js';
import { fileError, fileSource } from './source/file.js';
import { type HttpOptions, httpSource } from './source/http.js';
import { blobSource, borrowed, bytesSource } from './source/memory.js';
import { openTorchLegacy } from './torch/legacy.js';
import type { TorchOptions } from './torch/torch-checkpoint.js';
import { openTorchZip } from './torch/zip.js';

/**
 * Where a checkpoint may be: a path (Node), a folder that holds one checkpoint, a URL (`http:`, `https:`, `file:`),
 * a Blob, bytes, or any `ByteSource`. A `ByteSource` stays its owner's: closing the checkpoint does not close it.
 */
export type CheckpointSource = string | URL | Blob | Uint8Array | ByteSource;

export interface OpenOptions extends CallOptions, HttpOptions, TorchOptions {}

/**
 * Opens a checkpoint; the format is found from the bytes (safetensors, PyTorch zip, PyTorch before 1.6), a sharded
 * one from its index: a path or URL that ends in `.index.json`, or the folder with it. Reads the description of the
 * tensors only, a tensor's bytes when it is asked for. Nothing in the file is executed.
 *
 * Rejects with `CheckpointError`, or with the signal's reason. On rejection nothing stays open.
 */
export async function openCheckpoint(
  source: CheckpointSource,
  options: OpenOptions = {},
): Promise<Checkpoint> {
  options.signal?.throwIfAborted();
  if (source instanceof Uint8Array) return openBytes(bytesSource(source), options);
  if (source instanceof Blob) return openBytes(blobSource(source), options);
  if (typeof source !== 'string' && !(source instanceof URL)) return openBytes(borrowed(source), options);
  const place = await locate(source, options);
  if (!place.name.endsWith(INDEX_SUFFIX)) return openBytes(await place.open(), options);
  const index = await place.open();
  try {
    const openShard = async (file: string) => openBytes(await place.beside(file).open(), options);
    return await openSharded(index, openShard, options);
  } finally {
    await index.close();
  }
}

/** A file or URL that can open itself and its neighbours. */
interface Place {
  readonly name: string;
  open(): Promise<ByteSource>;
  beside(file: string): Place;
}

async function locate(source: string | URL, options: OpenOptions): Promise<Place> {
  const url =
    source instanceof URL ? source : /^(https?|file):\/\//i.test(source) ? new URL(source) : undefined;
  if (url && url.protocol !== 'file:') return urlPlace(url, options);
  const path = url ? (await import('node:url')).fileURLToPath(url) : String(source);
  const { stat, readdir } = await import('node:fs/promises');
  const { dirname, join } = await import('node:path');
  const place = (path: string): Place => ({
    name: path,
    open: () => fileSource(path, options),
    beside: (file) => place(join(dirname(path), file)),
  });
  const kind = await stat(path).catch((cause) => {
    throw fileError('open', path, cause);
  });
  options.signal?.throwIfAborted();
  if (!kind.isDirectory()) return place(path);
  const files = await readdir(path).catch((cause) => {
    throw fileError('list', path, cause);
  });
  options.signal?.throwIfAborted();
  return place(join(path, chooseFile(path, files)));
}

const urlPlace = (url: URL, options: OpenOptions): Place => ({
  name: url.pathname,
  open: () => httpSource(url, options),
  beside: (file) => urlPlace(new URL(file, url), options),
});

/** What a folder may hold, the preferred first. */
const kinds = [
  /\.safetensors\.index\.json$/,
  /\.safetensors$/,
  /\.(bin|pt|pth)\.index\.json$/,
  /\.(bin|pt|pth|ckpt)$/,
];

function chooseFile(folder: string, files: readonly string[]): string {
  for (const kind of kinds) {
    const found = files.filter((file) => kind.test(file)).sort();
    if (found.length === 1) return found[0];
    if (found.length > 1) {
      throw new CheckpointError(
        'BAD_ARGUMENT',
        `The folder ${quote(folder)} holds ${found.map(quote).join(' and ')}.`,
        {
          hint: 'Open one of them by its path.',
        },
      );
    }
  }
  throw new CheckpointError(
    'UNKNOWN_FORMAT',
    `The folder ${quote(folder)} holds no .safetensors, .bin, .pt, .pth or .ckpt file.`,
  );
}

/** Opens one file's bytes and owns them: they are closed with the checkpoint, or here when it cannot be opened. */
async function openBytes(source: ByteSource, options: OpenOptions): Promise<Checkpoint> {
  try {
    const start = await readExactly(
      source,
      0,
      Math.min(64, source.size),
      'The start of the file',
      options.signal,
    );
    return await detect(start)(source, options);
  } catch (error) {
    await source.close();
    throw error;
  }
}

type Open = (source: ByteSource, options: OpenOptions) => Promise<Checkpoint>;

function detect(start: Uint8Array): Open {
  const text = String.fromCharCode(...start);
  // First, because a header of 128 bytes begins as a pickle does. No pickle of torch and no zip has a brace here.
  if (text[8] === '{') return openSafetensors;
  if (text.startsWith('PK\x03\x04')) return openTorchZip;
  // A pickle: its protocol, or in protocol 1 the magic number of torch as text.
  if ((start[0] === 0x80 && start[1] <= 5) || text.startsWith('L119547037146038801333356L')) {
    return openTorchLegacy;
  }
  throw new CheckpointError(
    'UNKNOWN_FORMAT',
    `The file is no checkpoint: it starts with ${quote(text.slice(0, 24))}.`,
    {
      hint: explain(text),
    },
  );
}

function explain(text: string): string {
  if (text === '') return 'It is empty.';
  if (text.startsWith('version https://git-lfs'))
    return 'It is a Git LFS pointer: fetch the real file with `git lfs pull`.';
  if (/^\s*</.test(text)) return 'It looks like a web page: the download probably needs a login.';
  if (/^\s*\{/.test(text))
    return 'It is JSON: a sharded checkpoint is opened by the path or URL of its .index.json.';
  return 'Readable are safetensors and what torch.save writes.';
}
