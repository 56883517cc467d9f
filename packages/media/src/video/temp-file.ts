/** A file in the system's temporary folder, in a folder of its own. */
export interface TempFile {
  readonly path: string;
  remove(): Promise<void>;
}

/** Writes bytes or a Blob to a temporary file; nothing is left behind when that fails or is aborted. */
export async function writeTemp(data: Uint8Array | Blob, signal?: AbortSignal): Promise<TempFile> {
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const { join } = await import('node:path');
  signal?.throwIfAborted();
  const folder = await mkdtemp(join(tmpdir(), 'emu-video-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'video');
    await writeFile(path, data instanceof Blob ? data.stream() : data, { signal, mode: 0o600 });
    return { path, remove };
  } catch (cause) {
    await remove();
    signal?.throwIfAborted();
    throw cause;
  }
}
