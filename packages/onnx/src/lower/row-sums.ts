import { sizeOf } from '@emu-ts/base';
import { type AnyOp, primitives, type Rule, reapply, reshape, sum, type Value } from '@emu-ts/graph';

/**
 * Sums over all rows of a large matrix, as gradients of biases and norms are, are taken in two steps: several rows side by side
 * as one, which sums up every so many rows, and then those. The runtime shares columns out among threads, and where a row
 * has few, each walks down a strip that is narrower than what a cache fetches: with two threads it takes three times
 * as long as with one.
 */
export const rowSums: Rule = (node, inputs) => {
  const columns = overRows(node.op, inputs.x, node.attrs.axes);
  if (columns === undefined) return reapply(node, inputs);
  const rows = elements(inputs.x) / columns;
  const abreast = largestFactor(rows, Math.floor(wide / columns));
  if (abreast === 1) return reapply(node, inputs);
  const strips = sum(reshape(inputs.x, [rows / abreast, abreast * columns]), 0);
  return { y: reshape(sum(reshape(strips, [abreast, columns]), 0), node.outputs.y.shape) };
};

/** Columns that are enough for every thread to read whole lines, and whose sums stay in the nearest cache. */
const wide = 2048;

/** Elements that are worth another operator. */
const large = 2 ** 16;

/** How many columns are summed up over rows, whatever the number of axes those are. */
function overRows(op: AnyOp, x: Value, axes: unknown): number | undefined {
  if (op !== (primitives.sum as AnyOp) || x.dtype !== 'f32' || elements(x) < large) return undefined;
  const summed = axes as readonly number[];
  return summed.length && summed.every((axis, i) => axis === i)
    ? sizeOf(x.shape.slice(summed.length))
    : undefined;
}

function largestFactor(of: number, atMost: number): number {
  for (let factor = Math.min(of, atMost); factor > 1; factor--) if (of % factor === 0) return factor;
  return 1;
}

const elements = ({ shape }: Value): number => sizeOf(shape);
