import { byteSize, type DType, type HostTensor, sizeOf, viewAs } from '@emu-ts/base';
import { CheckpointError, quote, unsupported } from './error.js';
import { MAX_EXPANSION } from './limits.js';
import type { ReadOptions } from './source/byte-source.js';

export interface TensorInfo {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Bytes of the tensor once read: elements × bytes of one element. */
  readonly byteLength: number;
}

/** What was done to a file's content on the way in. Nothing is dropped or changed without one. */
export interface CheckpointNote {
  readonly kind: 'ignored' | 'renamed' | 'reshaped' | 'retyped' | 'unwrapped';
  /** The tensor or key, as the file has it. */
  readonly name: string;
  readonly detail: string;
}

/** Named tensors that are read when asked for: what every writer and view of this package takes. */
export interface TensorSource {
  readonly entries: ReadonlyMap<string, TensorInfo>;
  /** The tensor, in memory of the caller's own. Rejects with `NO_SUCH_TENSOR` for an unknown name. */
  read(name: string, options?: ReadOptions): Promise<HostTensor>;
}

/** An open checkpoint, or a view of others. Close it when done, or declare it with `await using`. */
export interface Checkpoint extends TensorSource {
  readonly format: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly notes: readonly CheckpointNote[];
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface CheckpointParts {
  readonly format: string;
  readonly entries: ReadonlyMap<string, TensorInfo>;
  readonly metadata?: ReadonlyMap<string, string> | undefined;
  readonly notes?: readonly CheckpointNote[] | undefined;
  /** Called for known names only, never after `close`. */
  read(name: string, signal: AbortSignal | undefined): Promise<HostTensor>;
  close?(): Promise<void>;
}

/** Adds to a format's own reading what every checkpoint does alike: unknown names, aborts, closing once. */
export function checkpoint(parts: CheckpointParts): Checkpoint {
  const { format, entries, metadata = new Map(), notes = [] } = parts;
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= parts.close?.() ?? Promise.resolve();
    return closing;
  };
  return {
    format,
    entries,
    metadata,
    notes,
    close,
    [Symbol.asyncDispose]: close,
    async read(name, { signal } = {}) {
      signal?.throwIfAborted();
      if (closing) {
        throw new CheckpointError(
          'CHECKPOINT_CLOSED',
          `Reading ${quote(name)} from a checkpoint that was closed.`,
        );
      }
      if (!entries.has(name)) throw noSuchTensor(name, entries);
      const tensor = await parts.read(name, signal);
      signal?.throwIfAborted();
      return tensor;
    },
  };
}

function noSuchTensor(name: string, entries: ReadonlyMap<string, TensorInfo>): CheckpointError {
  const last = (text: string) => text.slice(text.lastIndexOf('.', text.lastIndexOf('.') - 1) + 1);
  const alike =
    [...entries.keys()].find((known) => last(known) === last(name)) ?? entries.keys().next().value;
  return new CheckpointError(
    'NO_SUCH_TENSOR',
    `No tensor is named ${quote(name)}; the checkpoint has ${entries.size}${alike === undefined ? '' : `, among them ${quote(alike)}`}.`,
  );
}

export const infoOf = (dtype: DType, shape: readonly number[]): TensorInfo => ({
  dtype,
  shape,
  byteLength: sizeOf(shape) * byteSize(dtype),
});

/** Little-endian bytes as a tensor. Booleans become 0 or 1 whatever was stored. */
export function tensorOf(dtype: DType, shape: readonly number[], bytes: Uint8Array): HostTensor {
  const data = viewAs(dtype, bytes);
  if (dtype === 'bool') for (let i = 0; i < data.length; i++) data[i] = data[i] ? 1 : 0;
  return { dtype, shape, data };
}

/** A shape whose elements can be counted and addressed, or undefined. */
export function shapeOf(value: unknown, itemSize: number): readonly number[] | undefined {
  if (!Array.isArray(value) || !value.every((n) => Number.isSafeInteger(n) && n >= 0)) return undefined;
  // Every partial product must be exact too: [2^40, 2^40, 0] holds nothing, but cannot be addressed.
  const extent = value.reduce((n: number, d: number) => n * Math.max(d, 1), itemSize);
  return Number.isSafeInteger(extent) ? value : undefined;
}

/** Refuses a tensor that would take more memory than its file justifies, such as one element expanded a billion times. */
export function checkExpansion(name: string, byteLength: number, fileSize: number): void {
  if (byteLength <= fileSize + MAX_EXPANSION) return;
  throw new CheckpointError(
    'CHECKPOINT_TOO_LARGE',
    `Tensor ${quote(name)} takes ${byteLength} bytes, but the whole file has ${fileSize}.`,
    { hint: 'A few stored elements are expanded into many: save it as a contiguous tensor.' },
  );
}

export const unsupportedDType = (name: string, got: string): CheckpointError =>
  unsupported(
    `${name} has dtype ${quote(got)}; readable are f64, f32, f16, bf16, i64, i32, i8, u32, u16, u8 and bool.`,
  );
