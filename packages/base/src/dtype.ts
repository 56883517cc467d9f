/** Element types of tensors. `bool` is stored as one byte, 0 or 1. */
export type DType = 'f64' | 'f32' | 'f16' | 'bf16' | 'i64' | 'i32' | 'i8' | 'u32' | 'u16' | 'u8' | 'bool';

/** f16 and bf16 elements are raw 16-bit patterns: convert with `toF32`. */
export interface DTypeArrays {
  f64: Float64Array;
  f32: Float32Array;
  f16: Uint16Array;
  bf16: Uint16Array;
  i64: BigInt64Array;
  i32: Int32Array;
  i8: Int8Array;
  u32: Uint32Array;
  u16: Uint16Array;
  u8: Uint8Array;
  bool: Uint8Array;
}

export type TypedArray = DTypeArrays[DType];

const constructors = {
  f64: Float64Array,
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i64: BigInt64Array,
  i32: Int32Array,
  i8: Int8Array,
  u32: Uint32Array,
  u16: Uint16Array,
  u8: Uint8Array,
  bool: Uint8Array,
} as const;

/** Bytes of one element. */
export const byteSize = (dtype: DType): number => constructors[dtype].BYTES_PER_ELEMENT;

/** A zero-filled array of `length` elements. */
export const allocate = <D extends DType>(dtype: D, length: number): DTypeArrays[D] =>
  new constructors[dtype](length) as DTypeArrays[D];

/** Looks at `bytes` as elements; copies only when the offset is not aligned. */
export function viewAs<D extends DType>(dtype: D, bytes: Uint8Array): DTypeArrays[D] {
  const size = byteSize(dtype);
  // Not `bytes.slice()`: of a Node Buffer that is another view, at the same offset.
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.prototype.slice.call(bytes);
  return new constructors[dtype](
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    Math.floor(aligned.byteLength / size),
  ) as DTypeArrays[D];
}

export const isFloat = (dtype: DType): boolean =>
  dtype === 'f64' || dtype === 'f32' || dtype === 'f16' || dtype === 'bf16';
