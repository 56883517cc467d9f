/**
 * Where bytes are written. A file is written under another name, flushed to the disk and renamed last, so that its
 * own name never shows a half-written file: a full disk, an abort or a crash leaves the old file as it was.
 */
import { CheckpointError } from '../error.js';
import { fileError } from '../source/file.js';

/** What `writeSafetensors` needs of a destination; a `WritableStreamDefaultWriter` has it. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void> | void;
  close?(): Promise<void> | void;
  /** Called instead of `close` when writing failed. */
  abort?(reason: unknown): Promise<void> | void;
}

/** A temporary file of a writer that has not written for this long belongs to a process that died. */
const STALE_MS = 3_600_000;

export class PendingFile implements ByteSink {
  private constructor(
    readonly path: string,
    private readonly temporary: string,
    private readonly handle: import('node:fs/promises').FileHandle,
  ) {}

  static async create(path: string): Promise<PendingFile> {
    const { open } = await import('node:fs/promises');
    await removeStale(path);
    const temporary = `${path}.${crypto.randomUUID()}.partial`;
    const handle = await open(temporary, 'wx').catch((cause) => {
      throw fileError('write', path, cause);
    });
    return new PendingFile(path, temporary, handle);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.handle.write(bytes, done).catch((cause) => {
        throw fileError('write', this.path, cause);
      });
      done += bytesWritten;
    }
  }

  /** Everything is on the disk after this, still under the temporary name. */
  async finish(): Promise<void> {
    await this.handle.sync().catch((cause) => {
      throw fileError('write', this.path, cause);
    });
    await this.handle.close();
  }

  async commit(): Promise<void> {
    const { open, rename } = await import('node:fs/promises');
    const { dirname } = await import('node:path');
    await rename(this.temporary, this.path).catch((cause) => {
      throw fileError('replace', this.path, cause);
    });
    // The new name is durable once the folder is; some systems cannot open folders, and need not.
    const folder = await open(dirname(this.path), 'r').catch(() => undefined);
    await folder?.sync().catch(() => {});
    await folder?.close();
  }

  async discard(): Promise<void> {
    const { rm } = await import('node:fs/promises');
    await this.handle.close().catch(() => {});
    await rm(this.temporary, { force: true });
  }
}

async function removeStale(path: string): Promise<void> {
  const { readdir, rm, stat } = await import('node:fs/promises');
  const { basename, dirname, join } = await import('node:path');
  const folder = dirname(path);
  for (const file of await readdir(folder).catch(() => [])) {
    if (!file.startsWith(`${basename(path)}.`) || !file.endsWith('.partial')) continue;
    const partial = join(folder, file);
    const { mtimeMs } = await stat(partial).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs < Date.now() - STALE_MS) await rm(partial, { force: true });
  }
}

/** Runs `body` on a sink that is not a file; the sink is closed after, or aborted when it fails. */
export async function withSink(
  destination: ByteSink | WritableStream<Uint8Array>,
  body: (sink: ByteSink) => Promise<void>,
): Promise<void> {
  const sink: ByteSink = 'getWriter' in destination ? destination.getWriter() : destination;
  try {
    await body(sink);
    await sink.close?.();
  } catch (error) {
    await Promise.resolve(sink.abort?.(error)).catch(() => {});
    throw error;
  }
}

export const noShards = (): CheckpointError =>
  new CheckpointError(
    'BAD_ARGUMENT',
    'maxShardBytes makes several files, but the destination is one stream.',
    {
      hint: 'Give a path, or leave maxShardBytes out.',
    },
  );
