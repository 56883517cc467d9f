import { type DType, EmuError, type HostTensor, isFloat, pack, toF64 } from '@emu-ts/base';
import { formatType, type TensorType } from '@emu-ts/graph';

/** gpu.js knows one element type, f32: it holds every dtype here. Whole numbers are exact up to this. */
export const LARGEST_INTEGER = 2 ** 24;

const storable = (type: TensorType): void => {
  if (type.dtype !== 'f64') return;
  throw new EmuError('UNSUPPORTED_DTYPE', `gpu.js computes in f32 and cannot hold ${formatType(type)}.`, {
    hint: 'Cast it to f32.',
  });
};

/** Throws `UNSUPPORTED_DTYPE` unless every tensor of the list has a dtype that f32 can hold. */
export const checkDtypes = (types: Iterable<TensorType>): void => {
  for (const type of types) storable(type);
};

/** Throws `INTEGER_RANGE` when an integer tensor holds more than f32 can tell apart. */
export function checkIntegers(type: TensorType, elements: ArrayLike<number>): void {
  if (isFloat(type.dtype) || type.dtype === 'bool') return;
  for (let i = 0; i < elements.length; i++) {
    if (Math.abs(elements[i]) <= LARGEST_INTEGER) continue;
    throw new EmuError(
      'INTEGER_RANGE',
      `gpu.js holds integers as f32, exact up to ${LARGEST_INTEGER}; element ${i} of ${formatType(type)} is ${elements[i]}.`,
    );
  }
}

/** The elements of a host tensor as f32; its own array where it is f32 already. */
export function toElements(tensor: HostTensor): Float32Array {
  if (tensor.dtype === 'f32') return tensor.data as Float32Array;
  const exact = toF64(tensor);
  checkIntegers(tensor, exact);
  return Float32Array.from(exact);
}

/** A host tensor from f32 elements; takes the array over. */
export function fromElements(type: TensorType, elements: Float32Array): HostTensor {
  const { dtype, shape } = type;
  checkIntegers(type, elements);
  return { dtype, shape, data: dtype === 'f32' ? elements : pack(dtype, elements) };
}

/** Rounds elements to what a half-precision dtype can hold. */
export const roundTo = (dtype: DType, elements: Float32Array): Float32Array =>
  dtype === 'f16' || dtype === 'bf16'
    ? Float32Array.from(toF64({ dtype, shape: [elements.length], data: pack(dtype, elements) }))
    : elements;
