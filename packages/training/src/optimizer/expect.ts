import { ShapeError } from '@emu-ts/base';
import { expectShape, formatType, type TensorType } from '@emu-ts/graph';

/** @throws ShapeError unless all operands of an optimiser's update are f32 */
export function expectF32(op: string, operands: Readonly<Record<string, TensorType>>): void {
  for (const [operand, x] of Object.entries(operands)) {
    if (x.dtype === 'f32') continue;
    throw new ShapeError(`${op}: '${operand}' must be f32, got ${formatType(x)}.`, {
      hint: 'Keep trained weights in f32; lower precision belongs in the forward pass.',
    });
  }
}

/** @throws ShapeError unless `apply` is one bool */
export function expectFlag(op: string, apply: TensorType): void {
  expectShape(op, 'apply', apply, []);
  if (apply.dtype !== 'bool') throw new ShapeError(`${op}: 'apply' must be bool, got ${formatType(apply)}.`);
}
