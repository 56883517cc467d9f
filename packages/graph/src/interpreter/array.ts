import { sizeOf } from '@emu-ts/base';

/** What the interpreter computes with: every element an f64, whatever the dtype says. */
export interface Array64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export const array = (
  shape: readonly number[],
  data: Float64Array = new Float64Array(sizeOf(shape)),
): Array64 => ({
  shape,
  data,
});

/**
 * Visits every index of `shape` in row-major order, giving the position in each of several operands that are laid
 * out with their own strides and offset. The one loop behind broadcasting, transposing, slicing and padding.
 */
export function walk(
  shape: readonly number[],
  operands: readonly { strides: readonly number[]; offset?: number }[],
  visit: (index: number, a: number, b: number, c: number) => void,
): void {
  const total = sizeOf(shape);
  const rank = shape.length;
  const counter = new Int32Array(rank);
  const steps = [0, 1, 2].map((i) => operands[i]?.strides ?? shape.map(() => 0));
  const [sa, sb, sc] = steps;
  let [a, b, c] = [0, 1, 2].map((i) => operands[i]?.offset ?? 0);
  for (let index = 0; index < total; index++) {
    visit(index, a, b, c);
    for (let axis = rank - 1; axis >= 0; axis--) {
      a += sa[axis];
      b += sb[axis];
      c += sc[axis];
      if (++counter[axis] < shape[axis]) break;
      a -= sa[axis] * shape[axis];
      b -= sb[axis] * shape[axis];
      c -= sc[axis] * shape[axis];
      counter[axis] = 0;
    }
  }
}
