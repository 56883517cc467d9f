import { type CallOptions, type HostTensor, sizeOf } from '@emu-ts/base';
import type { TensorInfo, TensorSource } from '../checkpoint.js';
import { CheckpointError, quote } from '../error.js';
import { memoryCheckpoint, type TensorMap } from '../views/memory.js';
import { encodeHeader } from './header.js';
import { writeShards } from './shards.js';
import { type ByteSink, noShards, PendingFile, withSink } from './sink.js';

/** One write at most, so that aborts and progress are seen inside large tensors. */
const PIECE = 16 * 2 ** 20;

export interface WriteOptions extends CallOptions {
  /** Text kept in the header. PyTorch's tools want `{ format: 'pt' }`. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /**
   * Split into files of at most this many bytes of tensors, with an index: `model.safetensors` becomes
   * `model-00001-of-00003.safetensors` … and `model.safetensors.index.json`. A tensor is never split.
   */
  readonly maxShardBytes?: number | undefined;
}

export interface WriteResult {
  /** What was written; of a sharded checkpoint the index comes first. Empty for a stream. */
  readonly files: readonly string[];
  readonly tensors: number;
  /** Bytes of tensor data. */
  readonly bytes: number;
}

/** What to write: tensors in memory, or anything that reads them one by one, such as a checkpoint or a GPU's weights. */
export type Writable = TensorSource | TensorMap;

const isSource = (tensors: Writable): tensors is TensorSource =>
  'read' in tensors &&
  typeof tensors.read === 'function' &&
  'entries' in tensors &&
  tensors.entries instanceof Map;

/**
 * Writes safetensors, one tensor in memory at a time. A file appears complete or not at all: it is written beside
 * its place, flushed, then renamed, so a failure or an abort leaves what was there before.
 *
 * @param destination a path (Node), a `WritableStream`, or any object with `write`.
 */
export async function writeSafetensors(
  destination: string | ByteSink | WritableStream<Uint8Array>,
  tensors: Writable,
  options: WriteOptions = {},
): Promise<WriteResult> {
  options.signal?.throwIfAborted();
  const source = isSource(tensors) ? tensors : memoryCheckpoint(tensors);
  const bytes = [...source.entries.values()].reduce((sum, info) => sum + info.byteLength, 0);
  const done = (files: readonly string[]): WriteResult => ({ files, tensors: source.entries.size, bytes });
  const progress = progressOf(bytes, options);
  const body = (
    sink: ByteSink,
    entries: ReadonlyMap<string, TensorInfo>,
    metadata = options.metadata ?? {},
  ) => writeBody(sink, source, entries, metadata, progress, options.signal);

  if (typeof destination !== 'string') {
    if (options.maxShardBytes !== undefined) throw noShards();
    await withSink(destination, (sink) => body(sink, source.entries));
    return done([]);
  }
  if (options.maxShardBytes !== undefined) {
    return done(await writeShards(destination, source.entries, options.maxShardBytes, options, body));
  }
  const file = await PendingFile.create(destination);
  try {
    await body(file, source.entries);
    await file.finish();
    options.signal?.throwIfAborted();
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
  return done([destination]);
}

/** A whole safetensors file in memory. */
export function encodeSafetensors(
  tensors: TensorMap,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const byName = new Map(
    tensors instanceof Map ? tensors : Object.entries(tensors as Record<string, HostTensor>),
  );
  const { header, placed } = encodeHeader(memoryCheckpoint(byName).entries, metadata);
  const end = [...placed.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  const out = new Uint8Array(header.length + end);
  out.set(header);
  for (const [name, info] of placed)
    out.set(bytesOf(name, info, byName.get(name)!), header.length + info.begin);
  return out;
}

async function writeBody(
  sink: ByteSink,
  source: TensorSource,
  entries: ReadonlyMap<string, TensorInfo>,
  metadata: Readonly<Record<string, string>>,
  progress: (name: string, bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { header, placed } = encodeHeader(entries, metadata);
  await sink.write(header);
  for (const [name, info] of placed) {
    signal?.throwIfAborted();
    const bytes = bytesOf(name, info, await source.read(name, { signal }));
    for (let at = 0; at < bytes.length; at += PIECE) {
      signal?.throwIfAborted();
      const piece = bytes.subarray(at, at + PIECE);
      await sink.write(piece);
      progress(name, piece.length);
    }
  }
  signal?.throwIfAborted();
}

/** The bytes of a tensor, after a check that it is what the header already says. */
function bytesOf(name: string, info: TensorInfo, { dtype, shape, data }: HostTensor): Uint8Array {
  const same =
    dtype === info.dtype && shape.length === info.shape.length && shape.every((n, i) => n === info.shape[i]);
  if (!same || data.length !== sizeOf(shape)) {
    throw new CheckpointError(
      'BAD_ARGUMENT',
      `Tensor ${quote(name)} was announced as ${info.dtype} [${info.shape}], but is ${dtype} [${shape}] of ${data.length} elements.`,
    );
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function progressOf(total: number, { onProgress }: CallOptions) {
  let loaded = 0;
  return (component: string, bytes: number) => {
    loaded += bytes;
    onProgress?.({ phase: 'save', component, loaded, total });
  };
}
