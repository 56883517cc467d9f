import {
  type AnyOp,
  full,
  type Graph,
  type Node,
  primitives,
  type Rule,
  reapply,
  reshape,
  rewrite,
  sameShape,
  size,
  type Value,
} from '@emu-ts/graph';

/**
 * Leaves out copies that kernels do not need: elementwise kernels broadcast by themselves, a number that is the same
 * everywhere stays one number however it is reshaped, moving an axis of 1 moves nothing, and counting to one is zero.
 */
export const absorb = (graph: Graph): Graph => rewrite(graph, rule);

const opsNamed = (...names: (keyof typeof primitives)[]): ReadonlySet<AnyOp> =>
  new Set<AnyOp>(names.map((name) => primitives[name] as AnyOp));

const broadcasting = opsNamed('add', 'sub', 'mul', 'div', 'max', 'min', 'less', 'equal', 'and', 'where');
const moving = opsNamed('reshape', 'transpose', 'broadcast', 'slice');

const isFull = (x: Value | undefined): x is Value => x?.node.op === (primitives.full as AnyOp);

const isZero = (x: Value): boolean => isFull(x) && x.node.attrs.value === 0;

const rule: Rule = (node, given) => {
  const { x } = given;
  const { y } = node.outputs;
  if (moving.has(node.op) && isFull(x)) return { y: full(y.shape, x.node.attrs.value as number, x.dtype) };
  if (x && keepsOrder(node)) return { y: reshape(x, y.shape) };
  if (node.op === (primitives.iota as AnyOp) && node.outputs.value.shape[node.attrs.axis as number] === 1)
    return { value: full(node.outputs.value.shape, 0, node.outputs.value.dtype) };
  if (node.op === (primitives.add as AnyOp)) {
    const [zero, other] = isZero(given.a) ? [given.a, given.b] : [given.b, given.a];
    if (isZero(zero) && size(other) === size(y)) return { y: reshape(other, y.shape) };
  }
  if (!broadcasting.has(node.op)) return reapply(node, given);
  let inputs = given;
  for (const [name, value] of Object.entries(given)) {
    const narrow = narrower(value);
    if (!narrow) continue;
    const others = { ...inputs, [name]: narrow };
    if (sameShape(broadcastAll(Object.values(others)), y.shape)) inputs = others;
  }
  return reapply(node, inputs);
};

/** What an operand holds before it is spread out. */
function narrower(value: Value): Value | undefined {
  const { op, inputs, attrs } = value.node;
  if (op === (primitives.broadcast as AnyOp)) return inputs.x;
  return isFull(value) && value.shape.length ? full([], attrs.value as number, value.dtype) : undefined;
}

/** Axes of 1 move or appear, and nothing else: the elements stay as they lie. Splitting heads for one token is this. */
function keepsOrder({ op, inputs: { x }, outputs: { y }, attrs }: Node): boolean {
  if (op === (primitives.broadcast as AnyOp)) return size(x) === size(y);
  if (op !== (primitives.transpose as AnyOp)) return false;
  const moved = (attrs.permutation as readonly number[]).filter((axis) => x.shape[axis] !== 1);
  return moved.every((axis, i) => i === 0 || axis > moved[i - 1]);
}

function broadcastAll(values: readonly Value[]): number[] {
  const rank = Math.max(...values.map(({ shape }) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = values.map(({ shape }) => shape[i - rank + shape.length] ?? 1);
    return sizes.find((d) => d !== 1) ?? 1;
  });
}
