import { abortable } from './abort.js';
import { badArgument, MediaError, quote, reasonOf } from './error.js';
import { needNode } from './runtime.js';

/** Where a file's bytes come from: a path or `file:` URL (Node), bytes in memory, or a Blob. */
export type MediaInput = string | URL | Uint8Array | ArrayBuffer | Blob;

/** The bytes of a source, and what to call it in messages. */
export interface Loaded {
  readonly bytes: Uint8Array;
  readonly label: string;
}

export interface LoadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Largest file in bytes: a larger one throws `IMAGE_TOO_LARGE` before it is read. */
  readonly maxBytes: number;
}

/** The path of a source that names a file of the local disk, else undefined. */
export async function pathOf(source: MediaInput): Promise<string | undefined> {
  if (typeof source !== 'string' && !(source instanceof URL)) return undefined;
  const text = String(source);
  if (!/^([a-z][a-z0-9+.-]+:\/\/|file:|data:|blob:)/i.test(text)) return text;
  if (!text.startsWith('file:')) {
    throw badArgument(
      `Got the address ${quote(text)}, wanted a path, a file: URL, bytes or a Blob.`,
      'Fetch it first and pass the Blob of the response.',
    );
  }
  needNode('Reading a file by its address', 'Pass a Blob or bytes.');
  const { fileURLToPath } = await import('node:url');
  return fileURLToPath(text);
}

export const fileError = (action: string, path: string, cause: unknown): MediaError => {
  const code = (cause as NodeJS.ErrnoException).code ?? reasonOf(cause);
  const reason = code === 'ENOENT' ? 'there is no such file or folder' : code;
  return new MediaError('FILE', `Could not ${action} ${quote(path)}: ${reason}.`, { cause });
};

export const notAFile = (path: string): MediaError =>
  new MediaError('FILE', `Could not read ${quote(path)}: it is not a file.`);

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function checkBytes(size: number, label: string, maxBytes: number): void {
  if (size > maxBytes) {
    throw new MediaError(
      'IMAGE_TOO_LARGE',
      `${label} has ${megabytes(size)}, more than the ${megabytes(maxBytes)} allowed.`,
      { hint: 'Raise maxBytes if you trust it.' },
    );
  }
}

/** Reads a whole source into memory. Bytes are used in place, not copied. */
export async function load(source: MediaInput, { signal, maxBytes }: LoadOptions): Promise<Loaded> {
  signal?.throwIfAborted();
  const path = await pathOf(source);
  signal?.throwIfAborted();
  if (path !== undefined) return { bytes: await readFileLimited(path, maxBytes, signal), label: quote(path) };
  if (source instanceof Uint8Array) return { bytes: source, label: 'The file' };
  if (source instanceof ArrayBuffer) return { bytes: new Uint8Array(source), label: 'The file' };
  if (source instanceof Blob) {
    checkBytes(source.size, 'The Blob', maxBytes);
    return { bytes: new Uint8Array(await abortable(source.arrayBuffer(), signal)), label: 'The Blob' };
  }
  throw badArgument(`Got ${typeof source} as a source, wanted a path, a file: URL, bytes or a Blob.`);
}

async function readFileLimited(path: string, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
  needNode('Reading a file by its path', 'Pass a Blob or bytes.');
  const { readFile, stat } = await import('node:fs/promises');
  signal?.throwIfAborted();
  const info = await stat(path).catch((cause) => {
    throw fileError('read', path, cause);
  });
  signal?.throwIfAborted();
  if (!info.isFile()) throw notAFile(path);
  checkBytes(info.size, quote(path), maxBytes);
  try {
    return await readFile(path, { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw fileError('read', path, cause);
  }
}
