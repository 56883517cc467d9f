import { concat, slice, type Value } from '@emu-ts/graph';

/**
 * y [… n] of a linear layer whose weight [n …] comes in parts: each part gives some of the last axis. `rows` cuts what
 * lies along n beside the weight, a bias or scales, in the same way.
 */
export function rowsInParts(
  parts: readonly Value[],
  product: (part: Value, rows: (x: Value) => Value) => { readonly y: Value },
): { readonly y: Value } {
  let from = 0;
  const ys = parts.map((part) => {
    const [first, end] = [from, from + part.shape[0]];
    from = end;
    return product(part, (x) => slice(x, 0, first, end)).y;
  });
  return { y: concat(ys, ys[0].shape.length - 1) };
}
