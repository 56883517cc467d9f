import type { Checkpoint, CheckpointNote } from './checkpoint.js';
import { type CheckpointSource, type OpenOptions, openCheckpoint } from './open.js';
import type { ByteSink } from './safetensors/sink.js';
import { type WriteOptions, type WriteResult, writeSafetensors } from './safetensors/write.js';
import { castCheckpoint, type FloatDType } from './views/cast.js';

export interface ConvertOptions extends OpenOptions, WriteOptions {
  /** Element type of floating-point tensors; as in the source when left out. Integers stay. */
  readonly dtype?: FloatDType | undefined;
}

export interface ConvertResult extends WriteResult {
  readonly notes: readonly CheckpointNote[];
}

/**
 * Any readable checkpoint to safetensors, one tensor in memory at a time. Names stay as they are (see `renamed` for
 * others); the source's metadata is kept, with `format: 'pt'` added for PyTorch's tools.
 *
 * @param source what `openCheckpoint` takes, or an open checkpoint, which stays open.
 */
export async function convertCheckpoint(
  source: CheckpointSource | Checkpoint,
  destination: string | ByteSink | WritableStream<Uint8Array>,
  options: ConvertOptions = {},
): Promise<ConvertResult> {
  const given = typeof source === 'object' && 'entries' in source && 'notes' in source;
  const checkpoint = given ? source : await openCheckpoint(source, options);
  try {
    const { dtype, metadata } = options;
    const result = await writeSafetensors(
      destination,
      dtype ? castCheckpoint(checkpoint, dtype) : checkpoint,
      {
        ...options,
        metadata: { format: 'pt', ...Object.fromEntries(checkpoint.metadata), ...metadata },
      },
    );
    return { ...result, notes: checkpoint.notes };
  } finally {
    if (!given) await checkpoint.close();
  }
}
