/**
 * A checkpoint in several files. The new shards get names that no file has yet, the index is replaced last, and only
 * then the shards of the old index are removed: whenever it stops, one complete checkpoint is there.
 */
import type { CallOptions } from '@emu-ts/base';
import type { TensorInfo } from '../checkpoint.js';
import { CheckpointError } from '../error.js';
import { INDEX_SUFFIX, parseIndex } from '../sharded.js';
import { type ByteSink, PendingFile } from './sink.js';

type Entries = ReadonlyMap<string, TensorInfo>;
type WriteBody = (
  sink: ByteSink,
  entries: Entries,
  metadata?: Readonly<Record<string, string>>,
) => Promise<void>;

interface ShardOptions extends CallOptions {
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** The paths written, the index first. */
export async function writeShards(
  path: string,
  entries: Entries,
  maxShardBytes: number,
  { signal, metadata = {} }: ShardOptions,
  writeBody: WriteBody,
): Promise<string[]> {
  if (!(maxShardBytes > 0))
    throw new CheckpointError('BAD_ARGUMENT', `maxShardBytes is ${maxShardBytes}, wanted a positive number.`);
  const { basename, dirname, join } = await import('node:path');
  const folder = dirname(path);
  const index = `${path}${INDEX_SUFFIX}`;
  const parts = split(entries, maxShardBytes);
  const names = await freshNames(folder, basename(path).replace(/\.safetensors$/, ''), parts.length);
  const old = await shardsOf(index);
  const pending: PendingFile[] = [];
  let committed = 0;
  try {
    for (const [i, part] of parts.entries()) {
      const file = await PendingFile.create(join(folder, names[i]));
      pending.push(file);
      await writeBody(file, part, metadata);
      await file.finish();
    }
    const file = await PendingFile.create(index);
    pending.push(file);
    await file.write(encodeIndex(entries, parts, names, metadata));
    await file.finish();
    signal?.throwIfAborted();
    for (; committed < pending.length; committed++) await pending[committed].commit();
  } catch (error) {
    await Promise.all(pending.map((file) => file.discard()));
    const { rm } = await import('node:fs/promises');
    for (const name of names.slice(0, committed)) await rm(join(folder, name), { force: true });
    throw error;
  }
  const { rm } = await import('node:fs/promises');
  for (const name of old) await rm(join(folder, name), { force: true });
  return [index, ...names.map((name) => join(folder, name))];
}

/** In order, as many tensors per part as fit; a tensor larger than the limit gets a part of its own. */
function split(entries: Entries, maxBytes: number): Map<string, TensorInfo>[] {
  const parts: Map<string, TensorInfo>[] = [new Map()];
  let used = 0;
  for (const [name, info] of entries) {
    if (used > 0 && used + info.byteLength > maxBytes) {
      parts.push(new Map());
      used = 0;
    }
    parts[parts.length - 1].set(name, info);
    used += info.byteLength;
  }
  return parts;
}

/** The usual shard names, with a counter after the stem when files of these names are there already. */
async function freshNames(folder: string, stem: string, count: number): Promise<string[]> {
  const { readdir } = await import('node:fs/promises');
  const taken = new Set(await readdir(folder).catch(() => []));
  const five = (n: number) => String(n).padStart(5, '0');
  for (let generation = 1; ; generation++) {
    const tag = generation === 1 ? '' : `.${generation}`;
    const names = Array.from(
      { length: count },
      (_, i) => `${stem}${tag}-${five(i + 1)}-of-${five(count)}.safetensors`,
    );
    if (!names.some((name) => taken.has(name))) return names;
  }
}

/** The shards of the index that is about to be replaced; none when there is no readable one. */
async function shardsOf(index: string): Promise<readonly string[]> {
  const { readFile } = await import('node:fs/promises');
  try {
    return [...new Set(parseIndex(await readFile(index)).weights.values())];
  } catch {
    return [];
  }
}

function encodeIndex(
  entries: Entries,
  parts: readonly Entries[],
  names: readonly string[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const bytes = [...entries.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  const map = Object.fromEntries(
    parts.flatMap((part, i) => [...part.keys()].map((name) => [name, names[i]])),
  );
  const index = { metadata: { ...metadata, total_size: bytes }, weight_map: map };
  return new TextEncoder().encode(`${JSON.stringify(index, null, 2)}\n`);
}
