import {
  type AnyOp,
  full,
  type Graph,
  primitives,
  type Rule,
  reapply,
  rewrite,
  sameShape,
  type Value,
} from '@emu-ts/graph';

/**
 * Leaves out copies that kernels do not need: elementwise kernels broadcast by themselves, and a number that is the same
 * everywhere stays one number however it is reshaped.
 */
export const absorb = (graph: Graph): Graph => rewrite(graph, rule);

const opsNamed = (...names: (keyof typeof primitives)[]): ReadonlySet<AnyOp> =>
  new Set<AnyOp>(names.map((name) => primitives[name] as AnyOp));

const broadcasting = opsNamed('add', 'sub', 'mul', 'div', 'max', 'min', 'less', 'equal', 'and', 'where');
const moving = opsNamed('reshape', 'transpose', 'broadcast', 'slice');

const isFull = (x: Value | undefined): x is Value => x?.node.op === (primitives.full as AnyOp);

const rule: Rule = (node, given) => {
  const { x } = given;
  const { y } = node.outputs;
  if (moving.has(node.op) && isFull(x)) return { y: full(y.shape, x.node.attrs.value as number, x.dtype) };
  if (!broadcasting.has(node.op)) return reapply(node, given);
  let inputs = given;
  for (const [name, { node: from }] of Object.entries(given)) {
    if (from.op !== (primitives.broadcast as AnyOp)) continue;
    const narrower = { ...inputs, [name]: from.inputs.x };
    if (sameShape(broadcastAll(Object.values(narrower)), y.shape)) inputs = narrower;
  }
  return reapply(node, inputs);
};

function broadcastAll(values: readonly Value[]): number[] {
  const rank = Math.max(...values.map(({ shape }) => shape.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = values.map(({ shape }) => shape[i - rank + shape.length] ?? 1);
    return sizes.find((d) => d !== 1) ?? 1;
  });
}
