import { stridesOf } from '@emu-ts/graph';

/**
 * Index arithmetic as JavaScript text. A kernel knows the flat position `i` of the element it computes; from it come
 * the coordinates along each axis, and from those the flat positions in operands that are laid out otherwise
 * (broadcast, transposed, sliced). Sizes are literals in the text, so equal texts are equal kernels.
 */

/** How an operand is read: the flat position is `offset` + Σ coordinate · stride. */
export interface View {
  readonly strides: readonly number[];
  readonly offset?: number | undefined;
}

/** Text that declares `i0, i1, …`, the coordinates of `i` along those axes of `shape` that are wanted. */
export function coordinates(
  i: string,
  shape: readonly number[],
  wanted: (axis: number) => boolean = () => true,
): string {
  const strides = stridesOf(shape);
  const coordinate = (axis: number): string => {
    const whole = strides[axis] === 1 ? i : `quotient(${i}, ${strides[axis]})`;
    return axis === 0 ? whole : `remainder(${whole}, ${shape[axis]})`;
  };
  return shape
    .map((_, axis) => (wanted(axis) ? `const ${i}${axis} = ${coordinate(axis)};` : ''))
    .filter(Boolean)
    .join(' ');
}

/** Text that declares the needed coordinates of `i` in `shape`, and the position of every view in terms of them. */
export function positions(
  i: string,
  shape: readonly number[],
  views: readonly View[],
): { readonly declare: string; readonly at: readonly string[] } {
  const merged = mergeAxes(shape, views);
  const moves = (axis: number) => merged.strides.some((strides) => strides[axis] !== 0);
  const declare = coordinates(i, merged.shape, moves);
  const at = merged.strides.map((strides, k) => {
    const terms = strides.flatMap((stride, axis) =>
      stride === 0 ? [] : [stride === 1 ? `${i}${axis}` : `${i}${axis} * ${stride}`],
    );
    const offset = views[k].offset ?? 0;
    if (offset || !terms.length) terms.push(String(offset));
    return terms.join(' + ');
  });
  return { declare, at };
}

/** Drops axes of one element, and joins neighbours that every view walks through in one stride. */
function mergeAxes(
  shape: readonly number[],
  views: readonly View[],
): { shape: readonly number[]; strides: readonly (readonly number[])[] } {
  const sizes: number[] = [];
  const strides: number[][] = views.map(() => []);
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const last = sizes.length - 1;
    const joins = last >= 0 && views.every((view, k) => strides[k][last] === view.strides[axis] * size);
    if (joins) sizes[last] *= size;
    else sizes.push(size);
    views.forEach((view, k) => {
      strides[k][joins ? last : last + 1] = view.strides[axis];
    });
  });
  return { shape: sizes, strides };
}
