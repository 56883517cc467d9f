import { type Checkpoint, checkpoint, type TensorInfo } from '../checkpoint.js';
import { CheckpointError, quote } from '../error.js';

/**
 * Several checkpoints as one: shards, or a model and its adapter. Names must differ (`NAME_CLASH` otherwise); of
 * metadata under one key the first is kept. Closing it closes them all.
 */
export function mergeCheckpoints(parts: readonly Checkpoint[], format = 'merged'): Checkpoint {
  const entries = new Map<string, TensorInfo>();
  const owners = new Map<string, Checkpoint>();
  const metadata = new Map<string, string>();
  for (const part of parts) {
    for (const [name, info] of part.entries) {
      if (owners.has(name)) {
        throw new CheckpointError(
          'NAME_CLASH',
          `Two of the ${parts.length} merged checkpoints have a tensor ${quote(name)}.`,
        );
      }
      entries.set(name, info);
      owners.set(name, part);
    }
    for (const [key, text] of part.metadata) if (!metadata.has(key)) metadata.set(key, text);
  }
  return checkpoint({
    format,
    entries,
    metadata,
    notes: parts.flatMap((part) => part.notes),
    read: (name, signal) => owners.get(name)!.read(name, { signal }),
    close: async () => {
      await Promise.all(parts.map((part) => part.close()));
    },
  });
}
