import { EmuError } from '@emu-ts/base';

/** Files that a crash, a kill or a full disk leaves either as they were or as they shall be. */

export const node = async () => {
  const [fs, path] = await Promise.all([import('node:fs/promises'), import('node:path')]);
  return { fs, path };
};

/** Replaces a file: written beside its place, flushed, renamed. */
export async function writeFileAtomic(file: string, data: string | Uint8Array): Promise<void> {
  const { fs, path } = await node();
  const pending = `${file}.tmp-${process.pid}`;
  try {
    await writeFlushed(pending, data);
    await fs.rename(pending, file);
    await flushDirectory(path.dirname(file));
  } catch (cause) {
    await fs.rm(pending, { force: true }).catch(() => {});
    throw saveError(file, cause);
  }
}

/** Writes a new file and waits until it is on the disk. */
export async function writeFlushed(file: string, data: string | Uint8Array): Promise<void> {
  const { fs } = await node();
  const handle = await fs.open(file, 'w');
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Fills a directory under another name and renames it into place, so that a directory of this name is always whole.
 */
export async function writeDirectoryAtomic(
  dir: string,
  fill: (pending: string) => Promise<void>,
): Promise<void> {
  const { fs, path } = await node();
  const parent = path.dirname(dir);
  const pending = path.join(parent, `${pendingPrefix}${path.basename(dir)}-${process.pid}`);
  try {
    await fs.rm(pending, { recursive: true, force: true });
    await fs.mkdir(pending, { recursive: true });
    await fill(pending);
    await flushDirectory(pending);
    await fs.rename(pending, dir);
    await flushDirectory(parent);
  } catch (cause) {
    await fs.rm(pending, { recursive: true, force: true }).catch(() => {});
    throw saveError(dir, cause);
  }
}

/** Takes a directory out of sight before its files go, so that a kill in between leaves no half of it. */
export async function removeDirectory(dir: string): Promise<void> {
  const { fs, path } = await node();
  const hidden = path.join(path.dirname(dir), `${pendingPrefix}${path.basename(dir)}-old`);
  await fs.rm(hidden, { recursive: true, force: true });
  await fs.rename(dir, hidden);
  await fs.rm(hidden, { recursive: true, force: true });
}

/** Directories that a killed process left half-written begin with this. */
export const pendingPrefix = '.pending-';

/** Makes a rename last through a power cut. Not every file system lets a directory be flushed. */
async function flushDirectory(dir: string): Promise<void> {
  const { fs } = await node();
  const handle = await fs.open(dir, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

/** What the system says, in words. Room is what the user can make. */
const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'no more may be stored on this disk',
  EFBIG: 'files may not become that large here',
};

/** What to throw when writing failed: an abort as it is, else `SAVE` with the place and the reason. */
export function saveError(place: string, cause: unknown): unknown {
  if (cause instanceof Error && cause.name === 'AbortError') return cause;
  if (cause instanceof EmuError && cause.code === 'SAVE') return cause;
  const known = reasons[systemCode(cause) ?? ''];
  const why = known ?? (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, '');
  return new EmuError('SAVE', `${place} could not be written: ${why}. What was there before is unchanged.`, {
    cause,
    ...(known ? { hint: 'Make room and resume: the run goes on from its newest checkpoint.' } : {}),
  });
}

/** `ENOSPC` and the like, of an error or of what caused it. */
function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && code in reasons ? code : systemCode(error.cause);
}
