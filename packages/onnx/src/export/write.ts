import type { FileHandle } from 'node:fs/promises';
import { EmuError } from '@emu-ts/base';
import { reason } from '../executor/ort.js';

/** A file of the same folder that takes its final name only when it is complete. */
export interface PendingFile {
  readonly path: string;
  write(bytes: Uint8Array): Promise<void>;
  /** Bytes written so far. */
  readonly position: number;
}

/**
 * Writes several files that appear together: each under a temporary name first, renamed when `fill` has succeeded,
 * in the order given. When anything fails, what was written is removed and files of the final names are as they were.
 */
export async function writeFiles(
  paths: readonly string[],
  fill: (files: readonly PendingFile[]) => Promise<void>,
): Promise<void> {
  const fs = await import('node:fs/promises');
  const path = await import('node:path');
  const suffix = `.${Math.random().toString(36).slice(2)}.partial`;
  const open: { path: string; temporary: string; handle: FileHandle }[] = [];
  try {
    for (const name of paths) {
      const target = path.resolve(name);
      const folder = await fs.stat(target).then(
        (found) => found.isDirectory(),
        () => false,
      );
      if (folder) throw new EmuError('EXPORT', `Could not write ${target}: it is a folder.`);
      const temporary = `${target}${suffix}`;
      open.push({ path: target, temporary, handle: await fs.open(temporary, 'wx') });
    }
    await fill(open.map(({ path: target, handle }) => pending(target, handle)));
    for (const { handle } of open) {
      await handle.sync();
      await handle.close();
    }
    for (const { path: target, temporary } of open) await fs.rename(temporary, target);
  } catch (cause) {
    for (const { temporary, handle } of open) {
      await handle.close().catch(() => {});
      await fs.rm(temporary, { force: true });
    }
    throw isSystemError(cause)
      ? new EmuError('EXPORT', `Could not write ${paths.join(' and ')}: ${reason(cause)}`, { cause })
      : cause;
  }
}

function pending(path: string, handle: FileHandle): PendingFile {
  let position = 0;
  return {
    path,
    get position() {
      return position;
    },
    async write(bytes) {
      await handle.writeFile(bytes);
      position += bytes.length;
    },
  };
}

const isSystemError = (cause: unknown): boolean =>
  cause instanceof Error && 'errno' in cause && !(cause instanceof EmuError);
