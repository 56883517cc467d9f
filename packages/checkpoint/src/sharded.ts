/**
 * Checkpoints in several files, joined by an index (`model.safetensors.index.json`, `pytorch_model.bin.index.json`):
 * a JSON object whose `weight_map` says which file beside it holds each tensor.
 */
import type { CallOptions } from '@emu-ts/base';
import { type Checkpoint, type CheckpointNote, checkpoint } from './checkpoint.js';
import { corrupt, quote } from './error.js';
import { MAX_SAFETENSORS_HEADER } from './limits.js';
import { type Json, parseJson } from './safetensors/json.js';
import { type ByteSource, readExactly } from './source/byte-source.js';

export const INDEX_SUFFIX = '.index.json';

/** Which file holds each tensor, from the bytes of an index. */
export function parseIndex(bytes: Uint8Array): {
  weights: ReadonlyMap<string, string>;
  metadata: ReadonlyMap<string, string>;
} {
  const root = parseJson(bytes, 'The checkpoint index');
  const map = root instanceof Map ? root.get('weight_map') : undefined;
  if (!(root instanceof Map) || !(map instanceof Map))
    throw corrupt('The checkpoint index has no "weight_map" object.');
  const weights = new Map<string, string>();
  for (const [name, file] of map) {
    if (typeof file !== 'string' || !isPlainName(file)) {
      throw corrupt(
        `The checkpoint index puts ${quote(name)} in ${describe(file)}, wanted the name of a file beside it.`,
      );
    }
    weights.set(name, file);
  }
  const extra = root.get('metadata');
  const metadata =
    extra instanceof Map ? [...extra].map(([key, value]) => [key, describe(value)] as const) : [];
  return { weights, metadata: new Map(metadata) };
}

/** Only files of the same folder: an index never reaches elsewhere. */
const isPlainName = (file: string) => /^[^/\\:?#%]+$/.test(file) && !/^\.+$/.test(file);

const describe = (value: Json): string =>
  typeof value === 'object' && value !== null ? 'a JSON object' : String(value);

/** @param openShard opens a file beside the index. */
export async function openSharded(
  index: ByteSource,
  openShard: (file: string) => Promise<Checkpoint>,
  { signal, onProgress }: CallOptions,
): Promise<Checkpoint> {
  const length = Math.min(index.size, MAX_SAFETENSORS_HEADER);
  const { weights, metadata } = parseIndex(
    await readExactly(index, 0, length, 'The checkpoint index', signal),
  );
  const files = [...new Set(weights.values())];
  const shards = new Map<string, Checkpoint>();
  try {
    for (const file of files) {
      onProgress?.({ phase: 'open', component: file, loaded: shards.size, total: files.length });
      shards.set(file, await openShard(file));
    }
    onProgress?.({ phase: 'open', loaded: files.length, total: files.length });
    return join(weights, shards, metadata);
  } catch (error) {
    await closeAll(shards);
    throw error;
  }
}

const closeAll = async (shards: ReadonlyMap<string, Checkpoint>) => {
  await Promise.all([...shards.values()].map((shard) => shard.close()));
};

/** The tensors that the index lists, each from its shard; others in the shards are ignored with a note. */
function join(
  weights: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, Checkpoint>,
  metadata: ReadonlyMap<string, string>,
): Checkpoint {
  const lost = [...weights].filter(([name, file]) => !shards.get(file)!.entries.has(name));
  if (lost.length > 0) {
    const [name, file] = lost[0];
    throw corrupt(
      `The index lists ${lost.length} tensors that their files do not hold, such as ${quote(name)} in ${quote(file)}.`,
      { hint: 'The index and the files belong to different checkpoints, or a download is incomplete.' },
    );
  }
  const notes: CheckpointNote[] = [];
  for (const [file, shard] of shards) {
    notes.push(...shard.notes);
    for (const name of shard.entries.keys()) {
      if (weights.get(name) !== file)
        notes.push({ kind: 'ignored', name, detail: `in ${file}, but not in the index` });
    }
  }
  return checkpoint({
    format: 'sharded',
    entries: new Map([...weights].map(([name, file]) => [name, shards.get(file)!.entries.get(name)!])),
    metadata: new Map([...[...shards.values()].flatMap((shard) => [...shard.metadata]), ...metadata]),
    notes,
    read: (name, signal) => shards.get(weights.get(name)!)!.read(name, { signal }),
    close: () => closeAll(shards),
  });
}
