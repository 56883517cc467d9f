import { type DType, ShapeError } from '@emu-ts/base';
import { expectShape, formatType, type TensorType } from '@emu-ts/graph';

/** Throws unless operands of an op are of a dtype. */
export function expectDType(op: string, dtype: DType, operands: Readonly<Record<string, TensorType>>): void {
  for (const [operand, x] of Object.entries(operands))
    if (x.dtype !== dtype)
      throw new ShapeError(`${op}: '${operand}' must be ${dtype}, got ${formatType(x)}.`);
}

/** Throws unless an operand holds so many indices. */
export function expectIndices(op: string, operand: string, x: TensorType, shape: readonly number[]): void {
  expectShape(op, operand, x, shape);
  expectDType(op, 'i32', { [operand]: x });
}
