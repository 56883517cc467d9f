import { CheckpointError, quote } from '../error.js';
import type { ByteSource, ReadOptions } from './byte-source.js';

/** One system call at most, so that an abort is seen between the pieces of a large tensor. */
const PIECE = 64 * 2 ** 20;

export const fileError = (action: string, path: string, cause: unknown): CheckpointError => {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const missing = reason === 'ENOENT' ? ' There is no such file or folder.' : '';
  return new CheckpointError('FILE', `Could not ${action} ${quote(path)} (${reason}).${missing}`, { cause });
};

/** A file of the local disk (Node, Bun, Deno). Holds one descriptor until closed. */
export async function fileSource(path: string, { signal }: ReadOptions = {}): Promise<ByteSource> {
  const { open } = await import('node:fs/promises');
  signal?.throwIfAborted();
  const handle = await open(path, 'r').catch((cause) => {
    throw fileError('open', path, cause);
  });
  try {
    const { size } = await handle.stat();
    signal?.throwIfAborted();
    return {
      size,
      close: () => handle.close(),
      async read(offset, length, { signal } = {}) {
        const bytes = new Uint8Array(length);
        for (let done = 0; done < length; ) {
          signal?.throwIfAborted();
          const { bytesRead } = await handle
            .read(bytes, done, Math.min(PIECE, length - done), offset + done)
            .catch((cause) => {
              throw fileError('read', path, cause);
            });
          if (bytesRead === 0) {
            throw new CheckpointError(
              'FILE',
              `${quote(path)} ended at byte ${offset + done}; it had ${size} bytes when it was opened.`,
              { hint: 'Something is writing to it.' },
            );
          }
          done += bytesRead;
        }
        return bytes;
      },
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
