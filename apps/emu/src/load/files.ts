import { EmuError, isNode } from '@emu-ts/base';

export interface FindOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Where a checkpoint's files are: a folder, an address, or blobs picked in a page. */
export interface CheckpointFiles {
  /** What to call it in messages. */
  readonly name: string;
  /** Something that can be opened, or undefined where there is no such file. */
  find(path: string, options?: FindOptions): Promise<string | URL | Blob | undefined>;
  bytes(path: string, options?: FindOptions): Promise<Uint8Array>;
}

/** A folder of the disk (Node). */
export function folder(root: string): CheckpointFiles {
  return {
    name: root,
    async find(path, { signal } = {}) {
      signal?.throwIfAborted();
      const { stat } = await import('node:fs/promises');
      const full = await join(root, path);
      return (await stat(full).catch(() => undefined))?.isFile() ? full : undefined;
    },
    async bytes(path, { signal } = {}) {
      const { readFile } = await import('node:fs/promises');
      return new Uint8Array(await readFile(await join(root, path), { signal }));
    },
  };
}

const join = async (...parts: string[]): Promise<string> => (await import('node:path')).join(...parts);

/** Files below an address that ends in `/`, read by HTTP ranges. */
export function address(base: URL, fetcher: typeof fetch = fetch): CheckpointFiles {
  const at = (path: string) => new URL(path, base);
  return {
    name: base.href,
    async find(path, { signal } = {}) {
      const response = await fetcher(at(path), { method: 'HEAD', signal: signal ?? null });
      // Servers of applications answer whatever is not there with the application's page.
      const isPage = /^text\/html\b/i.test(response.headers.get('content-type') ?? '');
      return response.ok && !isPage ? at(path) : undefined;
    },
    async bytes(path, { signal } = {}) {
      const response = await fetcher(at(path), { signal: signal ?? null });
      if (!response.ok) throw new EmuError('FILE', `${at(path)} answered ${response.status}, wanted 200.`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}

/** Files by path, as a folder picked in a page gives them. */
export function blobs(files: ReadonlyMap<string, Blob>): CheckpointFiles {
  return {
    name: `${files.size} files`,
    find: async (path) => files.get(path),
    async bytes(path) {
      const blob = files.get(path);
      if (!blob) throw new EmuError('FILE', `There is no file '${path}' among the ${files.size} given.`);
      return new Uint8Array(await blob.arrayBuffer());
    },
  };
}

export type CheckpointLocation = string | URL | ReadonlyMap<string, Blob> | CheckpointFiles;

/** A path, an address or a map of blobs as files. In a page, text is an address as links have it. */
export function filesOf(location: CheckpointLocation): CheckpointFiles {
  if (typeof location === 'string') {
    if (!isNode())
      return address(new URL(location, (globalThis as { location?: { href: string } }).location?.href));
    return /^https?:/.test(location) ? address(new URL(location)) : folder(location);
  }
  if (location instanceof URL)
    return location.protocol === 'file:' ? folder(pathOf(location)) : address(location);
  return 'find' in location ? location : blobs(location);
}

/** The path of a `file:` address: spaces as spaces, and no slash before a drive letter. */
const pathOf = ({ pathname }: URL): string => decodeURIComponent(pathname).replace(/^\/([A-Za-z]:)/, '$1');
