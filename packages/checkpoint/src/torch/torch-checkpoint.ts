import { byteSize, type DType, isFloat } from '@emu-ts/base';
import { type Checkpoint, type CheckpointNote, checkpoint, infoOf } from '../checkpoint.js';
import { corrupt, quote } from '../error.js';
import type { Budget } from '../limits.js';
import type { ByteSource, ReadOptions } from '../source/byte-source.js';
import { stateDict } from './state-dict.js';
import { readTensor } from './strided.js';
import { type PickleValue, StorageRef, TensorRef } from './values.js';

export interface TorchOptions extends ReadOptions {
  /**
   * A floating-point storage whose bytes contradict its declared type is read as the one floating-point type of that
   * size (4 bytes per element: f32, 8: f64), with a note for every tensor: the bytes are there, the label is only a
   * label. Pass false to refuse such a file. Default true.
   */
  readonly retypeBySize?: boolean | undefined;
}

export interface TorchParts {
  readonly format: 'torch-zip' | 'torch-legacy';
  readonly source: ByteSource;
  readonly root: PickleValue;
  readonly budget: Budget;
  readonly options: TorchOptions;
  /** Bytes that the file has for a storage; undefined when it has none. */
  storageBytes(key: string): number | undefined;
  /** Byte offset of a storage, verified on first use. */
  locate(storage: StorageRef, signal: AbortSignal | undefined): Promise<number>;
}

/** What the zip and the legacy format share once the pickle is read. Every storage is checked to be there. */
export function torchCheckpoint({ format, source, root, budget, options, ...parts }: TorchParts): Checkpoint {
  const { tensors: declared, metadata, notes: found } = stateDict(root, budget);
  const notes: CheckpointNote[] = [...found];
  const tensors = new Map<string, TensorRef>();
  for (const [name, ref] of declared) {
    const bytes = parts.storageBytes(ref.storage.key);
    const dtype = storedType(name, ref, bytes, options.retypeBySize ?? true);
    tensors.set(name, dtype === ref.dtype ? ref : retyped(ref, dtype));
    if (dtype !== ref.dtype) {
      const detail = `declared ${ref.dtype}, stored with ${byteSize(dtype)} bytes per element: read as ${dtype}`;
      notes.push({ kind: 'retyped', name, detail });
    }
  }
  return checkpoint({
    format,
    entries: new Map([...tensors].map(([name, { dtype, shape }]) => [name, infoOf(dtype, shape)])),
    metadata,
    notes,
    close: () => source.close(),
    async read(name, signal) {
      const ref = tensors.get(name)!;
      return readTensor(source, name, ref, await parts.locate(ref.storage, signal), signal);
    },
  });
}

/** The element type of a tensor, once the bytes of its storage agree with it. */
function storedType(name: string, ref: TensorRef, bytes: number | undefined, retypeBySize: boolean): DType {
  const { key, dtype, length } = ref.storage;
  const wanted = length * byteSize(dtype);
  if (bytes === wanted) return ref.dtype;
  const what = `Tensor ${quote(name)} lies in storage ${quote(key)}`;
  if (bytes === undefined) throw corrupt(`${what}, which the file does not hold.`);
  const bySize =
    isFloat(dtype) && ref.dtype === dtype
      ? { 4: 'f32' as const, 8: 'f64' as const }[bytes / length]
      : undefined;
  if (bySize && retypeBySize) return bySize;
  throw corrupt(
    `${what}, declared as ${length} elements of ${dtype} (${wanted} bytes), but stored with ${bytes} bytes.`,
    {
      hint: bySize
        ? `The bytes fit ${bySize}: open it without \`retypeBySize: false\` to read them so.`
        : 'It is damaged: fetch it again.',
    },
  );
}

const retyped = ({ storage: { key, length, offset, visible }, ...ref }: TensorRef, dtype: DType): TensorRef =>
  new TensorRef(
    new StorageRef(key, dtype, length, offset, visible),
    dtype,
    ref.offset,
    ref.shape,
    ref.strides,
  );
