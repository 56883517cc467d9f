import {
  type AnyOp,
  type Graph,
  matmul,
  type Node,
  primitives,
  type Rule,
  reapply,
  reshape,
  transpose,
  type Value,
} from '@emu-ts/graph';

/**
 * aᵀ b of two matrices with many rows, [rows m] and [rows n], as gradients of weights are. The runtime packs the right operand
 * once and goes through the left one row by row, so a transposed left operand has to be turned over piece by piece; it
 * is, again and again, for each 128 columns of the right one. Three remedies:
 *
 * - The narrower operand stands on the right; where that swaps the two, the small result is transposed instead.
 * - An operand that would be turned over several times, because the other one has more columns or because several products
 *   share it, is turned over beforehand, and then it is the narrower one.
 * - The runtime takes every plain transpose back into the product. Of a matrix as [rows m 1] it does not.
 *
 * Gradients of a language model's projections take a quarter to a third less time so.
 */
export function tallProducts({ nodes }: Graph): Rule {
  const sharing = new Map<Value, number>();
  for (const node of nodes)
    for (const operand of Object.values(tallProduct(node, node.inputs) ?? {}))
      sharing.set(operand, (sharing.get(operand) ?? 0) + 1);

  const readers = (operand: Value) => sharing.get(operand) ?? 0;

  return (node, inputs) => {
    const [before, now] = [tallProduct(node, node.inputs), tallProduct(node, inputs)];
    if (!before || !now) return reapply(node, inputs);
    const { a, b } = now;
    const [m, n] = [a.shape[1], b.shape[1]];
    const leftIsNarrow = m === n ? readers(before.a) >= readers(before.b) : m < n;
    const narrow = leftIsNarrow ? 'a' : 'b';
    if (now[narrow].shape[1] > panel || readers(before[narrow]) > 1)
      return { y: leftIsNarrow ? matmul(turned(a), b) : transpose(matmul(turned(b), a), [1, 0]) };
    return m < n ? { y: transpose(matmul(transpose(b, [1, 0]), a), [1, 0]) } : reapply(node, inputs);
  };
}

/** Columns of the right operand that the runtime packs at a time. */
const panel = 128;

/** Below, there is little to turn over. */
const manyRows = 256;

/** The operands before transposition, [rows m] and [rows n]. */
function tallProduct(
  { op }: Node,
  { a, b }: Readonly<Record<string, Value>>,
): Readonly<Record<'a' | 'b', Value>> | undefined {
  if (op !== (primitives.matmul as AnyOp) || a.node.op !== (primitives.transpose as AnyOp)) return undefined;
  return b.shape.length === 2 && a.shape.length === 2 && b.shape[0] >= manyRows
    ? { a: a.node.inputs.x, b }
    : undefined;
}

function turned(x: Value): Value {
  const [rows, columns] = x.shape;
  return reshape(transpose(reshape(x, [rows, columns, 1]), [1, 2, 0]), [columns, rows]);
}
