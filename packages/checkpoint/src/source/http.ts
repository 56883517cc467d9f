/**
 * Bytes of a URL by range requests (RFC 9110, section 14). A server that ignores ranges would send the whole file
 * for every tensor, so that is an error, found before anything is downloaded. An interrupted body is resumed from
 * where it stopped; a file that changes between requests is noticed by its size and `ETag`.
 */
import { CheckpointError, quote } from '../error.js';
import type { ByteSource, ReadOptions } from './byte-source.js';

export interface HttpOptions {
  /** The `fetch` to use: `globalThis.fetch` when left out. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Sent with every request, such as `{ authorization: 'Bearer …' }`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How often in a row a request may fail without progress before the read fails. Default 3. */
  readonly retries?: number | undefined;
}

/** Worth asking again: the server is busy or the connection broke. */
class Interrupted extends Error {}

const failed = (address: string, problem: string, options: { hint?: string; cause?: unknown } = {}) =>
  new CheckpointError('HTTP', `${quote(address)} ${problem}`, options);

export async function httpSource(
  url: string | URL,
  options: HttpOptions & ReadOptions = {},
): Promise<ByteSource> {
  const address = String(url);
  const { signal: _, ...always } = options;
  const first = await probe(address, options);
  return {
    size: first.total,
    close: async () => {},
    async read(offset, length, { signal } = {}) {
      const { bytes, total, tag } = await download(address, offset, length, { ...always, signal });
      if (total !== first.total || (tag && first.tag && tag !== first.tag)) {
        throw failed(address, 'changed while it was being read.', { hint: 'Open it again.' });
      }
      return bytes;
    },
  };
}

/**
 * What the first answer says of the file. Its body is left unread: there are servers (sirv, and with it Vite's) that take
 * the range 0-0 for the whole file.
 */
const probe = (address: string, options: HttpOptions & ReadOptions) =>
  retried(address, options, { done: 0, length: 1 }, async () => {
    const { response, total } = await request(address, 0, 1, options);
    await response.body?.cancel().catch(() => {});
    return { total, tag: response.headers.get('etag') };
  });

/** Bytes `offset` to `offset + length`, in as many requests as interruptions make necessary. */
async function download(address: string, offset: number, length: number, options: HttpOptions & ReadOptions) {
  const bytes = new Uint8Array(length);
  const progress = { done: 0, length };
  return retried(address, options, progress, async () => {
    const { done } = progress;
    const { response, total } = await request(address, offset + done, length - done, options);
    for await (const chunk of chunks(response)) {
      if (progress.done + chunk.length > length)
        throw failed(address, 'sent more bytes than were asked for.');
      bytes.set(chunk, progress.done);
      progress.done += chunk.length;
    }
    if (progress.done < length) throw new Interrupted('the body ended early');
    return { bytes, total, tag: response.headers.get('etag') };
  });
}

/** Asks again while connections break; `retries` failures in a row that brought nothing are too many. */
async function retried<T>(
  address: string,
  { signal, retries = 3 }: HttpOptions & ReadOptions,
  progress: { readonly done: number; readonly length: number },
  attempt: () => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; ) {
    const before = progress.done;
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Interrupted)) throw error;
      failures = progress.done > before ? 1 : failures + 1;
      if (failures > retries) {
        const problem = `failed ${failures} times in a row (${error.message}) after ${progress.done} of ${progress.length} bytes.`;
        throw failed(address, problem, { cause: error.cause });
      }
      await pause(50 * 2 ** failures, signal);
    }
  }
}

async function request(
  address: string,
  offset: number,
  length: number,
  { fetch = globalThis.fetch, headers, signal }: HttpOptions & ReadOptions,
): Promise<{ response: Response; total: number }> {
  signal?.throwIfAborted();
  const response = await fetch(address, {
    headers: { ...headers, range: `bytes=${offset}-${offset + length - 1}`, 'accept-encoding': 'identity' },
    signal: signal ?? null,
  }).catch((cause) => {
    throw new Interrupted('no answer', { cause });
  });
  try {
    return { response, total: checkRange(address, offset, response) };
  } catch (error) {
    await response.body?.cancel().catch(() => {});
    throw error;
  }
}

/** The size of the whole file, from an answer that must be the wanted part of it. */
function checkRange(address: string, offset: number, { status, headers }: Response): number {
  if (status === 429 || status >= 500) throw new Interrupted(`HTTP ${status}`);
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
  if (status === 416 && range?.[2] === '0') throw failed(address, 'is an empty file.');
  if (status === 200) {
    throw failed(address, 'ignores range requests: it answered 200 with the whole file, wanted 206.', {
      hint: 'Download the file and open it from disk, or serve it from a host with range support.',
    });
  }
  if (status !== 206) throw failed(address, `answered ${status}, wanted 206.`);
  if (range?.[1] === undefined || range[2] === '*') {
    throw failed(address, 'answered a range request without saying which range of how many bytes it sent.', {
      hint: 'Across origins the server must list Content-Range in Access-Control-Expose-Headers.',
    });
  }
  if (Number(range[1]) !== offset) throw failed(address, `sent bytes from ${range[1]}, wanted ${offset}.`);
  return Number(range[2]);
}

async function* chunks(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  let complete = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => {
        throw new Interrupted('the body broke off', { cause });
      });
      complete = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!complete) await reader.cancel().catch(() => {});
  }
}

const pause = (milliseconds: number, signal: AbortSignal | undefined) =>
  new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
