import { allocate, convert, type DType, type HostTensor, isFloat, sizeOf } from '@emu-ts/base';
import { type Checkpoint, checkpoint, infoOf } from '../checkpoint.js';
import { CheckpointError, quote } from '../error.js';

export type FloatDType = 'f64' | 'f32' | 'f16' | 'bf16';

/** Elements converted at a time: conversions go through f64, which would be four times a large tensor at once. */
const PIECE = 65_536;

/**
 * The checkpoint with its floating-point tensors in another dtype, converted when read; integers stay. A finite
 * value beyond the range of the new dtype (70000 in f16) rejects the read with `OUT_OF_RANGE`.
 */
export function castCheckpoint(source: Checkpoint, dtype: FloatDType): Checkpoint {
  return checkpoint({
    format: source.format,
    entries: new Map(
      [...source.entries].map(([name, info]) => [
        name,
        isFloat(info.dtype) ? infoOf(dtype, info.shape) : info,
      ]),
    ),
    metadata: source.metadata,
    notes: source.notes,
    close: () => source.close(),
    async read(name, signal) {
      const tensor = await source.read(name, { signal });
      return isFloat(tensor.dtype) ? castTensor(name, tensor, dtype) : tensor;
    },
  });
}

function castTensor(name: string, tensor: HostTensor, dtype: FloatDType): HostTensor {
  if (tensor.dtype === dtype) return tensor;
  const data = allocate(dtype, sizeOf(tensor.shape)) as Float32Array;
  for (let at = 0; at < data.length; at += PIECE) {
    const from = piece(tensor, at);
    const to = convert(from, dtype);
    checkRange(name, from, to);
    data.set(to.data as Float32Array, at);
  }
  return { dtype, shape: tensor.shape, data };
}

function piece({ dtype, data }: HostTensor, at: number): HostTensor {
  const part = (data as Float32Array).subarray(at, at + PIECE);
  return { dtype, shape: [part.length], data: part };
}

function checkRange(name: string, from: HostTensor, to: HostTensor): void {
  if (to.dtype === 'f64' || (to.dtype === 'f32' && from.dtype !== 'f64')) return;
  const infinite = infinityPattern(to.dtype);
  const values = convert(from, 'f64').data;
  for (let i = 0; i < values.length; i++) {
    if (infinite(to.data[i] as number) && Number.isFinite(values[i])) {
      throw new CheckpointError(
        'OUT_OF_RANGE',
        `Tensor ${quote(name)} (${from.dtype}) holds ${values[i]}, which ${to.dtype} cannot express.`,
        { hint: 'Keep the dtype, or choose bf16 or f32, which have a wider range.' },
      );
    }
  }
}

const infinityPattern = (dtype: DType) =>
  dtype === 'f16'
    ? (stored: number) => (stored & 0x7fff) === 0x7c00
    : dtype === 'bf16'
      ? (stored: number) => (stored & 0x7fff) === 0x7f80
      : (stored: number) => Math.abs(stored) === Number.POSITIVE_INFINITY;
