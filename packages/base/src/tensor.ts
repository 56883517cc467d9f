import { allocate, type DType, type DTypeArrays } from './dtype.js';
import { ShapeError } from './error.js';
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from './half.js';

/** A dense, row-major tensor in host memory. */
export interface HostTensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: DTypeArrays[D];
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Makes a host tensor; throws `ShapeError` when the data does not fill the shape. */
export function tensor<D extends DType>(
  dtype: D,
  shape: readonly number[],
  data: DTypeArrays[D] | readonly number[] = allocate(dtype, sizeOf(shape)),
): HostTensor<D> {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(`A tensor of shape [${shape}] holds ${sizeOf(shape)} elements, got ${data.length}.`);
  }
  return { dtype, shape, data: Array.isArray(data) ? pack(dtype, data) : (data as DTypeArrays[D]) };
}

/** Numbers into the storage of a dtype: rounded for f16 and bf16, exact otherwise. */
export function pack<D extends DType>(dtype: D, values: ArrayLike<number>): DTypeArrays[D] {
  const out = allocate(dtype, values.length);
  if (dtype === 'i64') for (let i = 0; i < values.length; i++) (out as BigInt64Array)[i] = BigInt(values[i]);
  else {
    const encode = dtype === 'f16' ? f32ToF16 : dtype === 'bf16' ? f32ToBf16 : (x: number) => x;
    for (let i = 0; i < values.length; i++) (out as Float32Array)[i] = encode(values[i]);
  }
  return out;
}

/** The elements of any tensor as f64 numbers (i64 beyond 2^53 loses its last digits). */
export function toF64({ dtype, data }: HostTensor): Float64Array {
  if (dtype === 'f64') return data as Float64Array;
  const out = new Float64Array(data.length);
  const decode = dtype === 'f16' ? f16ToF32 : dtype === 'bf16' ? bf16ToF32 : Number;
  for (let i = 0; i < out.length; i++) out[i] = decode((data as Float32Array)[i]);
  return out;
}

/** The same tensor in another dtype; the same object when nothing changes. */
export function convert<D extends DType>(t: HostTensor, dtype: D): HostTensor<D> {
  if ((t.dtype as DType) === dtype) return t as HostTensor<D>;
  if (dtype === 'f32' && t.dtype === 'bf16') return widenBf16(t) as unknown as HostTensor<D>;
  return { dtype, shape: t.shape, data: pack(dtype, toF64(t)) };
}

/** bf16 is the upper half of f32: the common case of checkpoints, without a detour through f64. */
function widenBf16(t: HostTensor): HostTensor<'f32'> {
  const source = t.data as Uint16Array;
  const data = new Float32Array(source.length);
  const bits = new Uint32Array(data.buffer);
  for (let i = 0; i < source.length; i++) bits[i] = source[i] << 16;
  return { dtype: 'f32', shape: t.shape, data };
}
