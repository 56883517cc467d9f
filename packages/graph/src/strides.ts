/** Row-major strides, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const out = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    out[i] = step;
    step *= shape[i];
  }
  return out;
}

/** Strides with which an operand is read along `shape`: 0 where it is broadcast. */
export function broadcastStrides(operand: readonly number[], shape: readonly number[]): number[] {
  const own = stridesOf(operand);
  const lead = shape.length - operand.length;
  return shape.map((_, i) => (i < lead || operand[i - lead] === 1 ? 0 : own[i - lead]));
}
